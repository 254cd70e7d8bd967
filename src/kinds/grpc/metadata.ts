/** Metadata from a config: what may be set, and how it is spelled on the wire. */
import { z } from 'zod'
import type { Secret } from '../../model/secret.ts'
import { secretText } from '../shared/options.ts'

/** Key, ASCII value and binary value: PROTOCOL-HTTP2.md of gRPC, "Custom-Metadata". */
const keyName = /^[0-9a-z_.-]+$/
const asciiValue = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

/** These belong to the call, or to a connection of HTTP/1.1; the client sets them itself or not at all. */
const reserved = new Set([
  'connection',
  'content-length',
  'content-type',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Keys and values of metadata. The values never print. */
export const callMetadata: z.ZodType<Readonly<Record<string, Secret>>, Record<string, string>> = z
  .record(z.string(), secretText)
  .superRefine((metadata, context) => {
    const seen = new Set<string>()
    for (const [name, value] of Object.entries(metadata)) {
      const key = name.toLowerCase()
      const message = problemOf(key, value) ?? (seen.has(key) ? 'this key is given twice' : undefined)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message })
      seen.add(key)
    }
  })

function problemOf(key: string, value: Secret): string | undefined {
  if (!keyName.test(key)) return 'a metadata key has letters, digits, "-", "_" and ".", and no spaces'
  if (reserved.has(key) || key.startsWith('grpc-')) return 'this key cannot be set'
  if (key.endsWith('-bin'))
    return base64.test(value.reveal()) ? undefined : 'the value of a key that ends in -bin must be base64'
  return asciiValue.test(value.reveal())
    ? undefined
    : 'a metadata value has printable ASCII characters, and no space at either end'
}

/** Metadata as header fields: lower-case names, and base64 without padding, as PROTOCOL-HTTP2.md asks for. */
export function headersOf(metadata: Readonly<Record<string, Secret>>): Readonly<Record<string, string>> {
  const fields = Object.entries(metadata).map(([name, value]) => {
    const key = name.toLowerCase()
    return [key, key.endsWith('-bin') ? value.reveal().replace(/=+$/, '') : value.reveal()]
  })
  return Object.fromEntries(fields)
}
