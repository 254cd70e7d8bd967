/** Header fields from a config, for HTTP and protocols that are based on it. Their values never print. */
import { z } from 'zod'
import type { Secret } from '../../model/secret.ts'
import { secretText } from './options.ts'

/** Not imported: an import of all that node:http exports loads node:tls, node:http2 and Node's own fetch, some 10 MiB. */
const nodeHttp = () => process.getBuiltinModule('node:http')

/** Fields that frame a message or belong to its connection. Only the client itself sets them. */
const connectionFields = [
  ...['connection', 'content-length', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
]

/**
 * Returns the schema of a map from names of header fields to values that never print. Each name may occur only once,
 * regardless of case.
 *
 * @param noun what such a field is called in messages.
 * @param problemOf returns what else is wrong with a field. The name is in lower case.
 */
export function secretFields(
  noun: string,
  problemOf: (name: string, value: string) => string | undefined,
): z.ZodType<Readonly<Record<string, Secret>>, Record<string, string>> {
  return z.record(z.string(), secretText).superRefine((fields, context) => {
    const seen = new Set<string>()
    for (const [given, secret] of Object.entries(fields)) {
      const [name, value] = [given.toLowerCase(), secret.reveal()]
      const message =
        problemOf(name, value) ??
        fieldProblem(noun, name, value) ??
        (seen.has(name) ? `this ${noun} is given twice` : undefined)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [given], message })
      seen.add(name)
    }
  })
}

function fieldProblem(noun: string, name: string, value: string): string | undefined {
  if (throws(() => nodeHttp().validateHeaderName(name)))
    return `a ${noun} name has letters, digits and "-", and no spaces`
  if (connectionFields.includes(name)) return `this ${noun} cannot be set`
  return isFieldValue(value) ? undefined : `a ${noun} value ${fieldValueProblem}`
}

/** What is wrong with a text that `isFieldValue` refuses. */
export const fieldValueProblem =
  'cannot contain line breaks, control characters or characters outside Latin-1'

/** Whether a text can be the value of a header field. */
export function isFieldValue(text: string): boolean {
  return !throws(() => nodeHttp().validateHeaderValue('value', text))
}

function throws(validate: () => void): boolean {
  try {
    validate()
    return false
  } catch {
    return true
  }
}

/** Returns header fields as they are sent, with names in lower case. */
export function revealFields(fields: Readonly<Record<string, Secret>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value.reveal()]),
  )
}
