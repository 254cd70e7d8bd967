/** The options of kind `redis`, and what they specify: the server, the login, and the printable target. */
import { z } from 'zod'
import { decodePercent, formatAddress } from '../../model/notation.ts'
import { Secret, type SecretUrl } from '../../model/secret.ts'
import {
  bareHost,
  type Endpoint,
  endpointHint,
  host,
  ipFamily,
  parseEndpoint,
  port,
  secret,
  secretUrl,
} from '../shared/options.ts'
import { tlsOptions } from '../shared/tls.ts'
import type { Login } from './client.ts'

const defaultPort = 6_379
const defaultSentinelPort = 26_379

export const options = z
  .strictObject({
    url: secretUrl(
      ['redis', 'rediss'],
      'redis://user:password@host:port/database, or rediss:// for TLS with the default options.',
    ).optional(),
    host: host.optional().describe('Host name or IP address, instead of a URL.'),
    port: port.optional().describe(`Port, with host. Default ${defaultPort}.`),
    sentinel: z
      .strictObject({
        name: z.string().min(1).max(256).describe('Name of the master at the sentinels.'),
        nodes: nodes(defaultSentinelPort).describe('Sentinels, each as host:port; asked in turn.'),
        username: z.string().min(1).optional().describe('ACL user at the sentinels.'),
        password: secret('Password at the sentinels. Never shown.').optional(),
        tls: tlsOptions.optional().describe('TLS to the sentinels.'),
      })
      .optional()
      .describe('Finds the server through Redis Sentinel, instead of a URL.'),
    cluster: z
      .strictObject({ nodes: nodes(defaultPort).describe('Nodes, each as host:port; asked in turn.') })
      .optional()
      .describe('Checks a Redis Cluster, instead of a URL.'),
    username: z.string().min(1).optional().describe('ACL user. Default: the default user.'),
    password: secret('Password. Never shown.').optional(),
    database: z.int().min(0).max(65_535).optional().describe('Database number. Default 0.'),
    ipFamily,
    tls: tlsOptions.optional(),
    role: z
      .enum(['master', 'replica', 'any'])
      .default('any')
      .describe(
        'Role that the server must have, as ROLE reports it. Default any; with sentinel, any means master.',
      ),
    masterLink: z
      .boolean()
      .default(false)
      .describe('With role: replica, the server must be connected to its master. Default false.'),
    writable: z
      .boolean()
      .default(false)
      .describe('The server must accept a write; the one that is sent changes nothing. Default false.'),
    writeKey: z
      .string()
      .min(1)
      .max(1_024)
      .default('pulsecheck:writable')
      .describe('Key that the write uses, for ACLs; never stored. Default pulsecheck:writable.'),
  })
  .superRefine(refuseIncoherent)

export type Options = z.output<typeof options>

/** Returns the server that a URL or a host specifies. */
export function serverOf({ url, host = '', port = defaultPort }: Options): Endpoint {
  if (url === undefined) return { host, port }
  const { hostname, port: given } = url.url()
  return { host: bareHost(hostname), port: given === '' ? defaultPort : Number(given) }
}

/** Returns how to connect and log in, from the URL and the other keys. */
export function loginOf(options: Options): Login {
  const url = options.url?.url()
  return {
    ipFamily: options.ipFamily,
    tls: options.tls ?? (url?.protocol === 'rediss:' ? tlsOptions.parse({}) : undefined),
    username: options.username ?? (decode(url?.username) || undefined),
    password: options.password ?? (url?.password ? new Secret(decode(url.password)) : undefined),
    database: options.database ?? Number(url?.pathname.slice(1) ?? 0),
  }
}

/** `cache:6379`, `cache:6379/2`, `sentinel:main@s1:26379,s2:26379` or `cluster:c1:6379,c2:6379`. */
export function targetOf(options: Options): string {
  const { sentinel, cluster } = options
  const places = (sentinel?.nodes ?? cluster?.nodes ?? [serverOf(options)])
    .map(({ host, port }) => formatAddress(host, port))
    .join()
  const { database } = loginOf(options)
  const prefix = sentinel ? `sentinel:${sentinel.name}@` : cluster ? 'cluster:' : ''
  return `${prefix}${places}${database ? `/${database}` : ''}`
}

/** The schema has refused a URL with a part that cannot be decoded. */
function decode(part = ''): string {
  return decodePercent(part) ?? part
}

/** A list of `host:port`. The port may be left out. */
function nodes(defaultPort: number) {
  const node = z.string().transform((text, context): Endpoint => {
    const endpoint = parseEndpoint(text, defaultPort)
    if (endpoint !== undefined) return endpoint
    context.addIssue({ code: 'custom', message: endpointHint })
    return z.NEVER
  })
  return z.array(node).min(1).max(16)
}

interface Given {
  readonly url?: SecretUrl | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly sentinel?: { username?: string | undefined; password?: Secret | undefined } | undefined
  readonly cluster?: object | undefined
  readonly username?: string | undefined
  readonly password?: Secret | undefined
  readonly database?: number | undefined
  readonly role?: string | undefined
  readonly masterLink?: boolean | undefined
}

/** Checks across keys: one way to the server, and each fact given once. */
function refuseIncoherent(given: Given, context: z.RefinementCtx): void {
  const refuse = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', path, message })
  const [first, second] = (['url', 'host', 'sentinel', 'cluster'] as const).filter(
    key => given[key] !== undefined,
  )
  if (first === undefined) refuse('required: a url, or host, sentinel or cluster', 'url')
  if (second !== undefined) refuse(`give either ${first} or ${second}, not both`, second)
  if (given.port !== undefined && given.host === undefined) refuse('port needs host', 'port')
  if (given.cluster !== undefined && given.database) refuse('a cluster has only database 0', 'database')
  if (given.cluster !== undefined && given.role !== 'any')
    refuse('a cluster has nodes of both roles; role is for a single server or a sentinel', 'role')
  if (given.masterLink && given.role !== 'replica') refuse('masterLink needs role: replica', 'masterLink')
  for (const [where, login] of [
    [[], given],
    [['sentinel'], given.sentinel],
  ] as const) {
    if (login?.password?.reveal() === '') refuse('the password is empty', ...where, 'password')
    if (login?.username !== undefined && login.password === undefined && !given.url?.url().password)
      refuse('a username needs a password', ...where, 'username')
  }
  if (given.url !== undefined) refuseIncoherentUrl(given.url.url(), given, refuse)
}

function refuseIncoherentUrl(
  url: URL,
  given: Given,
  refuse: (message: string, ...path: string[]) => void,
): void {
  const twice = (key: string) => refuse(`the URL already has a ${key}`, key)
  if (!/^(?:\/\d{0,5})?$/.test(url.pathname))
    refuse('only a database number may follow the port in the URL', 'url')
  if (url.search !== '' || url.hash !== '')
    refuse('a Redis URL has no query; use the other keys instead', 'url')
  if ([url.username, url.password].some(part => decodePercent(part) === undefined))
    refuse('the user or the password cannot be decoded; write "%" as %25', 'url')
  if (url.username !== '' && url.password === '' && given.password === undefined)
    refuse('a username needs a password', 'url')
  if (url.username !== '' && given.username !== undefined) twice('username')
  if (url.password !== '' && given.password !== undefined) twice('password')
  if (url.pathname.length > 1 && given.database !== undefined) twice('database')
}
