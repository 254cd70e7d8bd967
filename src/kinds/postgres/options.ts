/** The options of kind `postgres`, and the one address and login that they amount to. */
import { z } from 'zod'
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
    sslNegotiation: z
      .enum(['postgres', 'direct'])
      .optional()
      .describe(
        'How TLS begins: postgres asks for it in clear first; direct does not, and needs PostgreSQL 17. Default postgres.',
      ),
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
      .describe(
        'The server must be able to write: no standby, not read-only, and a small temporary file finds room on the disk. Default false.',
      ),
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
  .superRefine(directOverTls)

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
  readonly ipFamily: IpFamily | undefined
  /** TLS begins at once, without a request for it. */
  readonly direct: boolean
}

/** The address that validated options stand for. */
export function addressOf(options: Options): Address {
  const { url, tls, ipFamily, password } = options
  const direct = isDirect(options)
  if (url !== undefined)
    return { ...addressOfUrl(url.url(), tls), ipFamily, direct, ...(password && { password }) }
  const { host = '', port = defaultPort, user = '', database = user } = options
  return { host, port, user, password, database, tls, ipFamily, direct, applicationName: defaultName }
}

/** Seen in `pg_stat_activity` and in the server's log. */
const defaultName = 'pulsecheck'

function addressOfUrl(url: URL, tls: TlsOptions | undefined): Omit<Address, 'direct' | 'ipFamily'> {
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

function directOverTls(value: Negotiated, context: z.RefinementCtx): void {
  const mode = value.url?.url().searchParams.get('sslmode') ?? null
  if (!isDirect(value) || value.tls !== undefined || tlsOfMode(mode) !== undefined) return
  const path = [value.sslNegotiation === undefined ? 'url' : 'sslNegotiation']
  const message = 'direct negotiation needs TLS: set tls, or sslmode=require in the URL'
  context.addIssue({ code: 'custom', path, message })
}

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
  return parametersProblem(searchParams)
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
