/** Request headers from a config: what may be set, and how credentials are spelled. */
import { z } from 'zod'
import type { Secret } from '../../model/secret.ts'
import { secretText } from '../shared/options.ts'

/** A field name is a token: RFC 9110, section 5.1. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What a field value may hold: RFC 9110, section 5.5. Beyond ASCII, one byte a character. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** These frame the message or belong to the connection; the client sets them itself. */
const reserved = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Names and values of headers. The values never print. */
export const requestHeaders: z.ZodType<Readonly<Record<string, Secret>>, Record<string, string>> = z
  .record(z.string(), secretText)
  .superRefine((headers, context) => {
    const seen = new Set<string>()
    for (const [name, value] of Object.entries(headers)) {
      const lower = name.toLowerCase()
      const message = problemOf(name, value) ?? (seen.has(lower) ? 'this header is given twice' : undefined)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message })
      seen.add(lower)
    }
  })

function problemOf(name: string, value: Secret): string | undefined {
  if (!token.test(name)) return 'a header name has letters, digits and "-", and no spaces'
  if (reserved.has(name.toLowerCase())) return 'this header cannot be set'
  return isHeaderValue(value.reveal())
    ? undefined
    : 'a header value cannot hold line breaks, control characters or characters outside Latin-1'
}

export function isHeaderValue(text: string): boolean {
  return fieldValue.test(text)
}

/** RFC 7617, in UTF-8. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** RFC 6750. */
export function bearer(token: string): string {
  return `Bearer ${token}`
}
