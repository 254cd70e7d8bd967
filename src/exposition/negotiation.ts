/** HTTP content negotiation (RFC 9110, section 12.5) for the formats of an exposition. */

import { type Offer, parseAccept, rateOffer } from '../model/http.ts'

export type FormatName = 'text' | 'openMetrics' | 'protobuf'

interface FormatOffer extends Offer {
  readonly name: FormatName
}

/**
 * In order of preference if a client accepts several equally. The parameters `escaping` and `charset` are ignored: our names
 * need no escaping, and our text is always UTF-8.
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
 * The format that an `Accept` header prefers: by q, then a named type before one that matches a wildcard, then in the
 * header's order. A scrape is always answered: a client that accepts none of our formats gets text 0.0.4.
 */
export function chooseFormat(accept: string | undefined): FormatName {
  const choices = parseAccept(accept ?? '')
  const rated = offers.map(offer => ({ offer, ...rateOffer(offer, choices) }))
  rated.sort((a, b) => b.q - a.q || b.precision - a.precision || a.position - b.position)
  const best = rated[0]
  return best !== undefined && best.q > 0 ? best.offer.name : 'text'
}

/** Whether an `Accept-Encoding` header prefers gzip to no encoding, or accepts both equally. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const choices = parseAccept(acceptEncoding ?? '')
  const qOf = (...names: string[]) => choices.find(({ name }) => names.includes(name))?.q
  const gzip = qOf('gzip', 'x-gzip') ?? qOf('*') ?? 0
  return gzip > 0 && gzip >= (qOf('identity') ?? 0)
}
