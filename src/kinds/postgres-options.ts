/** The options of kind `postgres`, and the one address and login that they amount to. */
import { z } from 'zod'
import { Secret, type SecretUrl } from '../secret.ts'
import { addressedBy, bareHost, host, ipFamily, port, secret, secretUrl } from './shared/options.ts'
import { type TlsOptions, tlsOptions } from './shared/tls.ts'

const defaultPort = 5432

/** What travels as a zero-terminated string cannot hold a zero byte. */
const text = z
  .string()
  .min(1)
  .refine(value => !value.includes('\0'), { error: 'must not hold a zero byte' })

export const options = z
  .strictObject({
    url: secretUrl(
      ['postgres', 'postgresql'],
      'postgres://user:password@host:port/database?sslmode=require.',
    ).optional(),
    host: host.optional().describe('Host name or IP address, instead of a URL.'),
    port: port.optional().describe('Port, instead of a URL. Default 5432.'),
    user: text.optional().describe('User, instead of a URL.'),
    password: secret('Password; also beside a URL that has none.').optional(),
    database: text.optional().describe('Database, instead of a URL. Default: the name of the user.'),
    ipFamily,
    tls: tlsOptions.optional(),
    query: text
      .default('SELECT 1')
      .describe('SQL that must succeed, with at most 1,000 rows and 1 MiB of answer. Default SELECT 1.'),
    role: z
      .enum(['primary', 'standby', 'any'])
      .default('any')
      .describe('What the server must be. Default any.'),
    writable: z
      .boolean()
      .default(false)
      .describe('Transactions must be able to write: no standby, and not read-only. Default false.'),
    pooler: z
      .boolean()
      .default(false)
      .describe(
        'A pooler such as PgBouncer stands between: sends no startup parameters, hence no statement_timeout. Default false.',
      ),
  })
  .superRefine(addressedBy(['host', 'user']))
  .superRefine(oneSource)
  .superRefine(readableUrl)

export type Options = z.output<typeof options>

/** Whom to ask, and as whom. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: Secret | undefined
  readonly database: string
  readonly applicationName: string
  readonly tls: TlsOptions | undefined
}

/** The address that validated options stand for. */
export function addressOf(options: Options): Address {
  const { url, tls, password } = options
  if (url !== undefined) return { ...addressOfUrl(url.url(), tls), ...(password && { password }) }
  const { host = '', port = defaultPort, user = '', database = user } = options
  return { host, port, user, password, database, tls, applicationName: defaultName }
}

/** Seen in `pg_stat_activity` and in the server's log. */
const defaultName = 'pulsecheck'

function addressOfUrl(url: URL, tls: TlsOptions | undefined): Address {
  const user = decodeURIComponent(url.username)
  return {
    host: bareHost(decodeURIComponent(url.hostname)),
    port: url.port === '' ? defaultPort : Number(url.port),
    user,
    password: url.password === '' ? undefined : new Secret(decodeURIComponent(url.password)),
    database: decodeURIComponent(url.pathname.slice(1)) || user,
    applicationName: url.searchParams.get('application_name') || defaultName,
    tls: tls ?? tlsOfMode(url.searchParams.get('sslmode')),
  }
}

/**
 * The values of `sslmode` that are taken. There is no mode that encrypts if it happens to work: `require` and
 * `verify-ca` are read in the stricter sense, since a peer that is not verified can be anybody.
 */
const sslModes = new Map([
  ['disable', undefined],
  ['no-verify', tlsOptions.parse({ verify: false })],
  ['require', tlsOptions.parse({})],
  ['verify-ca', tlsOptions.parse({})],
  ['verify-full', tlsOptions.parse({})],
])

function tlsOfMode(mode: string | null): TlsOptions | undefined {
  return sslModes.get(mode ?? 'disable')
}

/** Query parameters of a URL that are taken: `connect_timeout` is silently outranked by `timeout`. */
const parameters = new Set(['sslmode', 'application_name', 'connect_timeout', 'channel_binding'])

/** What to write instead of parameters that others know. */
const instead = new Map([
  ['sslrootcert', 'use tls.caFile'],
  ['sslcert', 'use tls.certFile'],
  ['sslkey', 'use tls.keyFile'],
  ['target_session_attrs', 'use role or writable'],
  ['pgbouncer', 'use pooler: true'],
  ['host', 'Unix sockets are not supported; use TCP'],
])

function readableUrl({ url, tls }: { url?: SecretUrl | undefined; tls?: unknown }, context: z.RefinementCtx) {
  if (url === undefined) return
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['url'], message })
  const problem = urlProblem(url.url())
  if (problem !== undefined) return refuse(problem)
  const mode = url.url().searchParams.get('sslmode')
  if (tls !== undefined && (mode === 'disable' || mode === 'no-verify'))
    refuse(`sslmode=${mode} contradicts tls; remove one of them`)
}

/** What is wrong with a URL, without quoting anything that may be secret. */
function urlProblem(url: URL): string | undefined {
  const { username, password, hostname, pathname, searchParams } = url
  const parts = [username, password, hostname, pathname].map(decoded)
  if (parts.some(part => part === undefined || part.includes('\0')))
    return 'a part of the URL is not readable; write "%" as %25'
  if (hostname.includes(',')) return 'the URL names several hosts; give each its own dependency'
  if (!host.safeParse(parts[2]).success) return 'the URL needs a host name or an IP address'
  if (username === '') return 'the URL needs a user: postgres://user@host/database'
  return [...searchParams.keys()].map(key => parameterProblem(key, searchParams)).find(Boolean)
}

function parameterProblem(key: string, given: URLSearchParams): string | undefined {
  const [value, second] = given.getAll(key)
  if (!parameters.has(key)) return `unknown parameter "${key}" in the URL; ${instead.get(key) ?? 'remove it'}`
  if (second !== undefined) return `parameter "${key}" is twice in the URL`
  if (value?.includes('\0')) return `parameter "${key}" must not hold a zero byte`
  if (key === 'sslmode' && !sslModes.has(value ?? ''))
    return `sslmode in the URL must be one of ${[...sslModes.keys()].join(', ')}; prefer and allow may send the password in clear`
  if (key === 'channel_binding' && given.get('sslmode') === 'no-verify' && value === 'require')
    return 'channel_binding=require needs a verified certificate; remove sslmode=no-verify'
  return undefined
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

/** Beside a URL only a password may stand, and only if the URL has none: it may come from its own file. */
function oneSource(value: { url?: SecretUrl | undefined }, context: z.RefinementCtx): void {
  if (value.url === undefined) return
  const given = new Map(Object.entries(value).filter(([, entry]) => entry !== undefined))
  const taken = ['port', 'database', ...(value.url.url().password === '' ? [] : ['password'])]
  for (const key of taken.filter(key => given.has(key)))
    context.addIssue({ code: 'custom', path: [key], message: `give either url or ${key}, not both` })
}
