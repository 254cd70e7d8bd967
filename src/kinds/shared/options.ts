/** Schemas that several kinds use for their options. */
import { isIPv6 } from 'node:net'
import { RE2JS } from 're2js'
import { z } from 'zod'
import { Secret, SecretUrl } from '../../model/secret.ts'

/** A string that never prints. It has a `...File` twin in the config file. */
export function secret(description: string): z.ZodType<Secret, string> {
  return secretText.meta({ file: true, description })
}

/** A string that never prints and has no `...File` twin, for values in maps. */
export const secretText: z.ZodType<Secret, string> = z.string().transform(text => new Secret(text))

/** Public text that may be long, such as a certificate. It has a `...File` twin in the config file. */
export function fileText(description: string): z.ZodType<string, string> {
  return z.string().min(1).meta({ file: true, description })
}

/** A URL of one of the schemes, given without colon. It prints without its password and query values. */
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

/** A host name or an IP address; an IPv6 address with or without brackets, which are removed. */
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

/** Which addresses of a host to use. */
export const ipFamily = z
  .enum(['any', 'ipv4', 'ipv6'])
  .default('any')
  .describe('Addresses of the host to connect to. Default any: both families are tried in parallel.')

export type IpFamily = z.output<typeof ipFamily>

/**
 * A regular expression in RE2 syntax, which runs in linear time on any input: a pattern from a config must not be able to
 * block the process.
 */
export const pattern = z.string().transform((text, context) => {
  try {
    // Its JSON is its text: two patterns with the same text are the same.
    return Object.assign(RE2JS.compile(text), { toJSON: () => text })
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'not readable'
    context.addIssue({ code: 'custom', message: `invalid pattern (RE2 syntax): ${why}` })
    return z.NEVER
  }
})

/** What a text must be like. If both keys are given, both must hold. */
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

/** Removes the brackets that URLs put around IPv6 addresses. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** Returns a refinement that requires either `url` or all of the fields that replace it. */
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

const escapes = 'in a user or password, write "/", "?", "#" and "@" as %2F, %3F, %23 and %40'

const noHost = 'the host in the URL is neither a host name nor an IP address'

/**
 * Returns the first problem of a text that should be a URL of one of the schemes, given without colon. The problem repeats
 * nothing of the URL, because any part may be secret. This is stricter than the URL standard, which would take what
 * follows an unescaped character in a password for a host, a path or a query.
 */
export function urlProblem(text: string, schemes: readonly string[]): string | undefined {
  const [, scheme = '', authority = '', rest = ''] = /^([^:]*):\/\/([^/\\?#]*)(.*)$/s.exec(text.trim()) ?? []
  if (!schemes.includes(scheme.toLowerCase()))
    return `expected a URL that starts with ${schemes.map(scheme => `${scheme}://`).join(' or ')}`
  if (hasStrayUserinfo(scheme, rest)) return `the URL has an "@" after its host; ${escapes}`
  const [, host = '', port = ''] =
    /^(.*?)(?::([^:\]]*))?$/s.exec(authority.slice(authority.lastIndexOf('@') + 1)) ?? []
  if (host.trim() === '') return 'the URL needs a host name or an IP address'
  return portProblem(port) ?? (URL.canParse(text) ? undefined : noHost)
}

/** Whether an "@" follows the host, so that it may be the end of a user and password. Web addresses may have one in a path. */
function hasStrayUserinfo(scheme: string, rest: string): boolean {
  return rest.includes('@') && !(/^https?$/i.test(scheme) && rest.startsWith('/'))
}

function portProblem(port: string): string | undefined {
  if (!/^\d*$/.test(port)) return `the text after the host and ":" is not a port; ${escapes}`
  return port === '' || (Number(port) >= 1 && Number(port) <= 65_535)
    ? undefined
    : 'the port is out of range; it must be between 1 and 65535'
}

/** Returns the problem of a URL that has a user or a password where the protocol has no use for them. */
export function userinfoProblem({ username, password }: URL, hint: string): string | undefined {
  if (username === '' && password === '') return undefined
  return `the URL cannot have a user or a password; ${hint}`
}
