/**
 * HTTP content negotiation (RFC 9110, section 12.5). Of the libraries, `negotiator` and `@hapi/accept` refuse a choice
 * whose parameters the offer lacks, and Prometheus sends parameters such as `escaping` that say nothing about our offers.
 */

/** One member of an `Accept` header. */
export interface Choice {
  /** In lower case: `text/plain`, `text/*`, `gzip`. */
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
  readonly q: number
}

/** What can be sent. */
export interface Offer {
  readonly type: string
  /** Parameters that a choice must have by these values, or may leave out where they are not `required`. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly required?: boolean
}

/** How gladly an offer is taken. */
export interface Rating {
  /** From 0, not at all, to 1. */
  readonly q: number
  /** 0 if nothing covers the offer; 1 for any type, 2 for any subtype, 3 for the type itself. */
  readonly precision: number
  /** Of the choice that covers the offer, in the header. */
  readonly position: number
}

/**
 * The index of the offer that an `Accept` header likes best. Equally liked ones go by the order of the offers. A client
 * that takes none of them gets the first: an answer in another form is better than no answer.
 */
export function chooseOffer(accept: string | undefined, offers: readonly Offer[]): number {
  if (accept === undefined || accept === '*/*') return 0
  const choices = parseAccept(accept)
  const rated = offers.map((offer, index) => ({ index, q: rateOffer(offer, choices).q }))
  return rated.reduce((best, next) => (next.q > best.q ? next : best)).index
}

/** The most precise choice that covers an offer says how gladly it is taken. */
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
 * The members of such a header. One whose q is no number from 0 to 1 says nothing, and is left out. Quoted separators
 * are not honoured: no parameter of an offer holds one, and a plain split is linear on hostile headers.
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
