/** What a client may be sent: HTTP content negotiation (RFC 9110, section 12.5) for what an exposition can write. */

export type FormatName = 'text' | 'openMetrics' | 'protobuf'

interface Choice {
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
  readonly q: number
}

interface Offer {
  readonly name: FormatName
  readonly type: string
  /** Parameters that a client must ask for by these values, if `true`, or leave out or ask for, if `false`. */
  readonly required: boolean
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * In the order in which a client gets them that likes them equally. `escaping` and `charset` are not looked at: our
 * names need no escaping, and our text is always UTF-8.
 */
const offers: readonly Offer[] = [
  { name: 'text', type: 'text/plain', required: false, parameters: { version: '0.0.4' } },
  {
    name: 'openMetrics',
    type: 'application/openmetrics-text',
    required: false,
    parameters: { version: '1.0.0' },
  },
  {
    name: 'protobuf',
    type: 'application/vnd.google.protobuf',
    required: true,
    parameters: { proto: 'io.prometheus.client.MetricFamily', encoding: 'delimited' },
  },
]

/**
 * The format that an `Accept` header likes best: by q, then the one it names over one that it covers with a wildcard,
 * then in the header's order. A scrape is always answered, so what accepts nothing of ours gets text 0.0.4.
 */
export function chooseFormat(accept: string | undefined): FormatName {
  const choices = parse(accept ?? '*/*')
  const rated = offers.map(offer => ({ offer, ...rate(offer, choices) }))
  rated.sort((a, b) => b.q - a.q || b.precision - a.precision || a.position - b.position)
  const best = rated[0]
  return best !== undefined && best.q > 0 ? best.offer.name : 'text'
}

/** Whether an `Accept-Encoding` header takes gzip at least as gladly as plain bytes. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const choices = parse(acceptEncoding ?? '')
  const qOf = (...names: string[]) => choices.find(({ name }) => names.includes(name))?.q
  const gzip = qOf('gzip', 'x-gzip') ?? qOf('*') ?? 0
  return gzip > 0 && gzip >= (qOf('identity') ?? 0)
}

/** How gladly an offer is taken: the word of the most precise choice that covers it counts. */
function rate(offer: Offer, choices: readonly Choice[]): { q: number; precision: number; position: number } {
  const covering = choices
    .map((choice, position) => ({ q: choice.q, precision: precision(offer, choice), position }))
    .filter(rating => rating.precision > 0)
  return (
    covering.sort((a, b) => b.precision - a.precision || b.q - a.q)[0] ?? { q: 0, precision: 0, position: 0 }
  )
}

/** 0 if a choice does not cover an offer; 1 for any type, 2 for any subtype, 3 for the type itself. */
function precision(offer: Offer, { name, parameters }: Choice): number {
  if (name === '*/*') return 1
  if (name === `${offer.type.split('/')[0]}/*`) return 2
  if (name !== offer.type) return 0
  const fits = Object.entries(offer.parameters).every(([key, value]) => {
    const asked = parameters.get(key)
    return asked === undefined ? !offer.required : asked === value
  })
  return fits ? 3 : 0
}

/**
 * The members of such a header. One whose q is no number from 0 to 1 says nothing, and is left out. Quoted separators
 * are not honoured: no parameter of an offer holds one, and a plain split is linear on hostile headers.
 */
function parse(header: string): readonly Choice[] {
  return header
    .split(',')
    .map(member => {
      const [name = '', ...rest] = member.split(';').map(part => part.trim())
      const parameters = new Map(rest.map(parameter))
      return { name: name.toLowerCase(), parameters, q: quality(parameters.get('q')) }
    })
    .filter(({ name, q }) => name !== '' && q >= 0 && q <= 1)
}

function quality(text: string | undefined): number {
  if (text === undefined) return 1
  return /^(0(\.\d*)?|1(\.0*)?)$/.test(text) ? Number(text) : Number.NaN
}

function parameter(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals === -1) return [text.toLowerCase(), '']
  const value = text.slice(equals + 1).trim()
  return [text.slice(0, equals).trim().toLowerCase(), /^".*"$/.test(value) ? value.slice(1, -1) : value]
}
