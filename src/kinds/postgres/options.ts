/** The options of kind `postgres`, and the server and login that they specify. */
import { z } from 'zod'
import { decodePercent } from '../../model/notation.ts'
import { Secret, type SecretUrl } from '../../model/secret.ts'
import {
  addressedBy,
  bareHost,
  host,
  type IpFamily,
  ipFamily,
  port,
  secret,
  secretUrl,
} from '../shared/options.ts'
import { type TlsOptions, tlsOptions } from '../shared/tls.ts'
import { parametersProblem, sslModes } from './parameters.ts'

const defaultPort = 5432

/** Sent as a zero-terminated string, hence no zero byte. */
const text = z
  .string()
  .min(1)
  .refine(value => !value.includes('\0'), { error: 'must not contain a zero byte' })

export const options = z
  .strictObject({
    url: secretUrl(
      ['postgres', 'postgresql'],
      'postgres://user:password@host:port/database?sslmode=require.',
    ).optional(),
    host: host.optional().describe('Host name or IP address, instead of a URL.'),
    port: port.optional().describe('Port, instead of a URL. Default 5432.'),
    user: text.optional().describe('User, instead of a URL.'),
    password: secret('Password. Allowed next to a URL that has none.').optional(),
    database: text.optional().describe('Database, instead of a URL. Default: the user name.'),
    ipFamily,
    tls: tlsOptions.optional(),
    sslNegotiation: z
      .enum(['postgres', 'direct'])
      .optional()
      .describe(
        'How TLS begins: postgres sends a plain-text request first; direct does not, and needs PostgreSQL 17. Default postgres.',
      ),
    query: text
      .default('SELECT 1')
      .describe('SQL that must succeed and return at most 1,000 rows and 1 MiB. Default SELECT 1.'),
    role: z
      .enum(['primary', 'standby', 'any'])
      .default('any')
      .describe('Role that the server must have. Default any.'),
    writable: z
      .boolean()
      .default(false)
      .describe(
        'The server must accept writes: it is not a standby, not read-only, and its disk has room for a small temporary file. Default false.',
      ),
    pooler: z
      .boolean()
      .default(false)
      .describe(
        'The server is a pooler such as PgBouncer: send no startup parameters, and so no statement_timeout. Default false.',
      ),
  })
  .superRefine(addressedBy(['host', 'user']))
  .superRefine(refuseTwoSources)
  .superRefine(refuseUnreadableUrl)
  .superRefine(refuseDirectWithoutTls)

export type Options = z.output<typeof options>

/** The server to ask, and who logs in. */
export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: Secret | undefined
  readonly database: string
  readonly applicationName: string
  readonly tls: TlsOptions | undefined
  readonly ipFamily: IpFamily | undefined
  /** TLS begins at once, without a request in clear text. */
  readonly direct: boolean
}

/** Returns the server and the login that validated options specify. */
export function loginOf(options: Options): Login {
  const { url, tls, ipFamily, password } = options
  const direct = isDirect(options)
  if (url !== undefined) {
    const read = readUrl(url.url(), tls)
    return { ...read, ipFamily, direct, password: password ?? read.password }
  }
  const { host = '', port = defaultPort, user = '', database = user } = options
  return { host, port, user, password, database, tls, ipFamily, direct, applicationName: defaultName }
}

/** Shown in `pg_stat_activity` and in the server's log. */
const defaultName = 'pulsecheck'

/** The schema has refused a URL with a part that cannot be decoded. */
function readUrl(url: URL, tls: TlsOptions | undefined): Omit<Login, 'direct' | 'ipFamily'> {
  const user = decode(url.username)
  return {
    host: bareHost(decode(url.hostname)),
    port: url.port === '' ? defaultPort : Number(url.port),
    user,
    password: url.password === '' ? undefined : new Secret(decode(url.password)),
    database: decode(url.pathname.slice(1)) || user,
    applicationName: url.searchParams.get('application_name') || defaultName,
    tls: tls ?? tlsOfMode(url.searchParams.get('sslmode')),
  }
}

function decode(part: string): string {
  return decodePercent(part) ?? part
}

function tlsOfMode(mode: string | null): TlsOptions | undefined {
  return sslModes.get(mode ?? 'disable')
}

type Negotiated = {
  url?: SecretUrl | undefined
  tls?: TlsOptions | undefined
  sslNegotiation?: string | undefined
}

function isDirect({ url, sslNegotiation }: Negotiated): boolean {
  return (sslNegotiation ?? url?.url().searchParams.get('sslnegotiation')) === 'direct'
}

function refuseDirectWithoutTls(value: Negotiated, context: z.RefinementCtx): void {
  const mode = value.url?.url().searchParams.get('sslmode') ?? null
  if (!isDirect(value) || value.tls !== undefined || tlsOfMode(mode) !== undefined) return
  const path = [value.sslNegotiation === undefined ? 'url' : 'sslNegotiation']
  const message = 'direct negotiation needs TLS: set tls, or sslmode=require in the URL'
  context.addIssue({ code: 'custom', path, message })
}

function refuseUnreadableUrl({ url, tls }: Negotiated, context: z.RefinementCtx): void {
  if (url === undefined) return
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['url'], message })
  const problem = urlProblem(url.url())
  if (problem !== undefined) refuse(problem)
  const mode = url.url().searchParams.get('sslmode')
  if (problem === undefined && tls !== undefined && (mode === 'disable' || mode === 'no-verify'))
    refuse(`sslmode=${mode} contradicts tls; remove one of them`)
}

/** Returns what is wrong with a URL, without quoting anything that may be secret. */
function urlProblem(url: URL): string | undefined {
  const { username, password, hostname, pathname, searchParams } = url
  const parts = [username, password, hostname, pathname].map(decodePercent)
  if (parts.some(part => part === undefined || part.includes('\0')))
    return 'a part of the URL cannot be decoded; write "%" as %25'
  if (hostname.includes(',')) return 'the URL names several hosts; configure a dependency for each'
  if (!host.safeParse(parts[2]).success) return 'the URL needs a host name or an IP address'
  if (username === '') return 'the URL needs a user: postgres://user@host/database'
  return parametersProblem(searchParams)
}

/** Next to a URL, only a password is allowed, and only if the URL has none: it may come from a file of its own. */
function refuseTwoSources(value: { url?: SecretUrl | undefined }, context: z.RefinementCtx): void {
  if (value.url === undefined) return
  const given = new Map(Object.entries(value).filter(([, entry]) => entry !== undefined))
  const refused = ['port', 'database', ...(value.url.url().password === '' ? [] : ['password'])]
  for (const key of refused.filter(key => given.has(key)))
    context.addIssue({ code: 'custom', path: [key], message: `give either url or ${key}, not both` })
}
