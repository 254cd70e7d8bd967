/** The formats of an exposition, and which of them answers a scrape (RFC 9110, section 12.5). */

import { type Offer, parseAccept, rateOffer } from '../model/http.ts'
import type { Format } from './family.ts'
import { createOpenMetrics, createText } from './text.ts'

type FormatName = 'text' | 'openMetrics' | 'protobuf'

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
 * Returns a function that gives the format an `Accept` header prefers. Each format is created once, when it is first
 * needed. One that cannot be loaded, for want of a file descriptor for example, is answered as text and tried again later.
 */
export function createFormats(
  onError: (error: unknown) => void,
): (accept: string | undefined) => Promise<Format> {
  const formats: Readonly<Record<FormatName, () => Promise<Format>>> = {
    text: once(async () => createText()),
    openMetrics: once(async () => createOpenMetrics()),
    protobuf: once(async () => (await import('./protobuf.ts')).createProtobuf()),
  }
  return accept =>
    formats[chooseFormat(accept)]().catch(error => {
      onError(error)
      return formats.text()
    })
}

/** Calls until a call succeeds, and returns its result from then on. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch(error => {
      made = undefined
      throw error
    })
    return made
  }
}

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
