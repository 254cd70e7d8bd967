/** What a client may be sent: HTTP content negotiation (RFC 9110, section 12.5) for what an exposition can write. */

import { type Offer, parseAccept, rateOffer } from '../model/http.ts'

export type FormatName = 'text' | 'openMetrics' | 'protobuf'

interface FormatOffer extends Offer {
  readonly name: FormatName
}

/**
 * In the order in which a client gets them that likes them equally. `escaping` and `charset` are not looked at: our
 * names need no escaping, and our text is always UTF-8.
 */
const offers: readonly FormatOffer[] = [
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
  const choices = parseAccept(accept ?? '')
  const rated = offers.map(offer => ({ offer, ...rateOffer(offer, choices) }))
  rated.sort((a, b) => b.q - a.q || b.precision - a.precision || a.position - b.position)
  const best = rated[0]
  return best !== undefined && best.q > 0 ? best.offer.name : 'text'
}

/** Whether an `Accept-Encoding` header takes gzip at least as gladly as plain bytes. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const choices = parseAccept(acceptEncoding ?? '')
  const qOf = (...names: string[]) => choices.find(({ name }) => names.includes(name))?.q
  const gzip = qOf('gzip', 'x-gzip') ?? qOf('*') ?? 0
  return gzip > 0 && gzip >= (qOf('identity') ?? 0)
}
