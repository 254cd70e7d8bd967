/** Schemas that several kinds use for their options. */
import { isIPv6 } from 'node:net'
import { RE2JS } from 're2js'
import { z } from 'zod'
import { Secret, SecretUrl } from '../../model/secret.ts'
import { urlProblem } from './url.ts'

/** A string that never prints. It has a `...File` twin in the config file. */
export function secret(description: string): z.ZodType<Secret, string> {
  return secretText.meta({ file: true, description })
}

/** A string that never prints and has no `...File` twin, for values inside maps. */
export const secretText: z.ZodType<Secret, string> = z.string().transform(text => new Secret(text))

/** Public text that may be long, such as a certificate. It has a `...File` twin in the config file. */
export function fileText(description: string): z.ZodType<string, string> {
  return z.string().min(1).meta({ file: true, description })
}

/** A URL of one of the schemes, given without colon. It prints without its password and its query values. */
export function secretUrl(schemes: readonly string[], description: string): z.ZodType<SecretUrl, string> {
  return z
    .string()
    .transform((text, context) => {
      const problem = urlProblem(text, schemes)
      if (problem === undefined) return new SecretUrl(text)
      context.addIssue({ code: 'custom', message: problem })
      return z.NEVER
    })
    .meta({ file: true, description })
}

export const port = z.int().min(1).max(65_535)

/** A host name or an IP address; an IPv6 address with or without brackets. Brackets are taken off. */
export const host = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\s/@]+$/, { error: 'expected a host name or an IP address' })
  .transform(bareHost)

/** A host, without brackets around an IPv6 address, and a port on it. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What to write for an endpoint. */
export const endpointHint = 'expected host or host:port, with an IPv6 address in brackets'

/** The endpoint in `db`, `db:5432`, `[::1]:5432` or `::1`; undefined if the text is not one. */
export function parseEndpoint(text: string, defaultPort: number): Endpoint | undefined {
  const [, name = '', digits = defaultPort] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  const [knownHost, knownPort] = [host.safeParse(isIPv6(text) ? text : name), port.safeParse(Number(digits))]
  return knownHost.success && knownPort.success ? { host: knownHost.data, port: knownPort.data } : undefined
}

/** Which addresses of a name to use. */
export const ipFamily = z
  .enum(['any', 'ipv4', 'ipv6'])
  .default('any')
  .describe('Addresses of the host to connect to. Default any: both families are tried, side by side.')

export type IpFamily = z.output<typeof ipFamily>

/**
 * A regular expression in RE2 syntax, which runs in linear time whatever the input: a pattern from a config must
 * not be able to stop the process.
 */
export const pattern = z.string().transform((text, context) => {
  try {
    // As JSON it is its text: two patterns with the same text are the same.
    return Object.assign(RE2JS.compile(text), { toJSON: () => text })
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'not readable'
    context.addIssue({ code: 'custom', message: `invalid pattern (RE2 syntax): ${why}` })
    return z.NEVER
  }
})

/** What a text must be like. Both keys may be given; then both must hold. */
export const textExpectation = z.strictObject({
  contains: z.string().min(1).optional().describe('Text that must occur.'),
  matches: pattern
    .optional()
    .describe('Pattern (RE2 syntax) that must match somewhere; anchor it with ^ and $.'),
})

export type TextExpectation = z.output<typeof textExpectation>

/** Whether a text meets an expectation. */
export function meets(expect: TextExpectation, text: string): boolean {
  return (
    (expect.contains === undefined || text.includes(expect.contains)) &&
    (expect.matches === undefined || expect.matches.test(text))
  )
}

/** A host without the brackets that URLs put around IPv6 addresses. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** A refinement: either `url`, or the fields in its place, all of them. */
export function addressedBy(fields: readonly string[]): (value: object, context: z.RefinementCtx) => void {
  return (value, context) => {
    const given = new Map(Object.entries(value).filter(([, entry]) => entry !== undefined))
    const both = fields.find(field => given.has(field))
    const missing = fields.find(field => !given.has(field))
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (given.has('url') && both !== undefined) refuse(both, `give either url or ${both}, not both`)
    if (!given.has('url') && missing !== undefined)
      refuse(missing, `required: a url, or ${fields.join(' and ')}`)
  }
}
