/**
 * The HTTP that rooms share: the paths of the routes, and content negotiation (RFC 9110, section 12.5). No library fits:
 * `negotiator` rejects a range with a parameter that the offer lacks, such as Prometheus' `escaping`; `@hapi/accept`
 * returns the client's range instead of our offer, and throws on malformed ones.
 */

/** Answers for orchestrators: only names and states. */
export const probePaths = {
  alive: ['/healthz', '/livez', '/-/healthy'],
  ready: ['/readyz', '/-/ready'],
  started: ['/startupz'],
  readyOne: '/readyz/:dependency',
} as const

/** The other routes, except that of the metrics, which is configured and must not be any of these. */
export const paths = {
  page: '/',
  events: '/-/events',
  pageFile: '/-/page/:file',
  health: '/health',
  config: '/config',
  reload: '/-/reload',
} as const

const { alive, ready, started, readyOne } = probePaths
const patterns = [...alive, ...ready, ...started, readyOne, ...Object.values(paths)].map(compile)

/** Whether a path is that of a route, or below one that takes a name. */
export function isTaken(path: string): boolean {
  return patterns.some(taken => taken.test(path))
}

/** Whether a path without a query is that of a probe. */
export function isProbePath(path: string): boolean {
  return [...alive, ...ready, ...started].some(probe => probe === path) || path.startsWith('/readyz/')
}

function compile(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+$/, '.*')}$`)
}

/** One member of an `Accept` header. */
interface Choice {
  /** In lower case: `text/plain`, `text/*`, `gzip`. */
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
  readonly q: number
}

/** What can be sent. */
export interface Offer {
  readonly type: string
  /** Parameters that a choice must have with these values. It may omit them unless they are `required`. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly required?: boolean
}

/** How strongly a client prefers an offer. */
interface Rating {
  /** From 0, not at all, to 1. */
  readonly q: number
  /** 0 if no choice covers the offer; 1 for any type, 2 for any subtype, 3 for the type itself. */
  readonly precision: number
  /** Position in the header of the choice that covers the offer. */
  readonly position: number
}

/**
 * Returns the index of the offer that an `Accept` header prefers; of equal ones, the first. A client that accepts none of
 * them gets the first: an answer in another format is better than no answer.
 */
export function chooseOffer(accept: string | undefined, offers: readonly Offer[]): number {
  if (accept === undefined || accept === '*/*') return 0
  const choices = parseAccept(accept)
  const rated = offers.map((offer, index) => ({ index, q: rateOffer(offer, choices).q }))
  return rated.reduce((best, next) => (next.q > best.q ? next : best)).index
}

/** Rates an offer by the most precise choice that covers it. */
export function rateOffer(offer: Offer, choices: readonly Choice[]): Rating {
  const covering = choices
    .map((choice, position) => ({ q: choice.q, precision: precisionOf(offer, choice), position }))
    .filter(({ precision }) => precision > 0)
    .sort((a, b) => b.precision - a.precision || b.q - a.q)
  return covering[0] ?? { q: 0, precision: 0, position: 0 }
}

function precisionOf(offer: Offer, { name, parameters }: Choice): number {
  if (name === '*/*') return 1
  if (name === `${offer.type.slice(0, offer.type.indexOf('/'))}/*`) return 2
  if (name !== offer.type) return 0
  const fits = Object.entries(offer.parameters ?? {}).every(([key, value]) => {
    const asked = parameters.get(key)
    return asked === undefined ? offer.required !== true : asked === value
  })
  return fits ? 3 : 0
}

/**
 * Parses an `Accept` or `Accept-Encoding` header. A member whose q is not a number from 0 to 1 is left out. Separators in
 * quotes are not recognized: no parameter of an offer contains one, and a plain split is linear on hostile headers.
 */
export function parseAccept(header: string): readonly Choice[] {
  return header
    .split(',')
    .map(member => {
      const [name = '', ...rest] = member.split(';').map(part => part.trim())
      const parameters = new Map(rest.map(parseParameter))
      return { name: name.toLowerCase(), parameters, q: parseWeight(parameters.get('q')) }
    })
    .filter(({ name, q }) => name !== '' && q >= 0 && q <= 1)
}

function parseWeight(text: string | undefined): number {
  if (text === undefined) return 1
  return /^(0(\.\d*)?|1(\.0*)?)$/.test(text) ? Number(text) : Number.NaN
}

function parseParameter(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals === -1) return [text.toLowerCase(), '']
  const value = text.slice(equals + 1).trim()
  return [text.slice(0, equals).trim().toLowerCase(), /^".*"$/.test(value) ? value.slice(1, -1) : value]
}
