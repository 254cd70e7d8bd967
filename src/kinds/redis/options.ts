/** The options of kind `redis`, and what follows from them: where to go, how to come in, what to print. */
import { z } from 'zod'
import type { SecretUrl } from '../../model/secret.ts'
import { Secret } from '../../model/secret.ts'
import { bareHost, host, hostPort, ipFamily, port, secret, secretUrl } from '../shared/options.ts'
import { tlsOptions } from '../shared/tls.ts'
import type { Address, Entry } from './client.ts'

const defaultPort = 6_379
const defaultSentinelPort = 26_379

export const options = z
  .strictObject({
    url: secretUrl(
      ['redis', 'rediss'],
      'redis://user:password@host:port/database, or rediss:// for TLS with the default options.',
    ).optional(),
    host: host.optional().describe('Host name or IP address, instead of a URL.'),
    port: port.optional().describe(`Port, beside host. Default ${defaultPort}.`),
    sentinel: z
      .strictObject({
        name: z.string().min(1).max(256).describe('Name that the sentinels have for the master.'),
        nodes: nodes(defaultSentinelPort).describe('Sentinels, host:port each; asked in turn.'),
        username: z.string().min(1).optional().describe('ACL user at the sentinels.'),
        password: secret('Password at the sentinels. Never shown.').optional(),
        tls: tlsOptions.optional().describe('TLS towards the sentinels.'),
      })
      .optional()
      .describe('Finds the server through Redis Sentinel, instead of a URL.'),
    cluster: z
      .strictObject({ nodes: nodes(defaultPort).describe('Nodes, host:port each; asked in turn.') })
      .optional()
      .describe('Asks a Redis Cluster, instead of a URL.'),
    username: z.string().min(1).optional().describe('ACL user. Default: the default user.'),
    password: secret('Password. Never shown.').optional(),
    database: z.int().min(0).max(65_535).optional().describe('Number of the database. Default 0.'),
    ipFamily,
    tls: tlsOptions.optional(),
    role: z
      .enum(['master', 'replica', 'any'])
      .default('any')
      .describe('Role that the server must have, by ROLE. Default any; behind a sentinel, any is master.'),
    masterLink: z
      .boolean()
      .default(false)
      .describe('With role: replica, the server must be connected to its master. Default false.'),
    writable: z
      .boolean()
      .default(false)
      .describe('The server must take a write; the one that is sent changes nothing. Default false.'),
    writeKey: z
      .string()
      .min(1)
      .max(1_024)
      .default('pulsecheck:writable')
      .describe('Key that the write names, for ACLs; never stored. Default pulsecheck:writable.'),
  })
  .superRefine(coherent)

export type Options = z.output<typeof options>

/** The one server that a URL or a host names. */
export function server({ url, host = '', port = defaultPort }: Options): Address {
  if (url === undefined) return { host, port }
  const { hostname, port: given } = url.url()
  return { host: bareHost(hostname), port: given === '' ? defaultPort : Number(given) }
}

/** How to come in, out of the URL and the keys beside it. */
export function entry(options: Options): Entry {
  const url = options.url?.url()
  return {
    ipFamily: options.ipFamily,
    tls: options.tls ?? (url?.protocol === 'rediss:' ? tlsOptions.parse({}) : undefined),
    username: options.username ?? (url?.username ? decodeURIComponent(url.username) : undefined),
    password: options.password ?? (url?.password ? new Secret(decodeURIComponent(url.password)) : undefined),
    database: options.database ?? Number(url?.pathname.slice(1) ?? 0),
  }
}

/** `cache:6379`, `cache:6379/2`, `sentinel:main@s1:26379,s2:26379` or `cluster:c1:6379,c2:6379`. */
export function target(options: Options): string {
  const { sentinel, cluster } = options
  const places = (sentinel?.nodes ?? cluster?.nodes ?? [server(options)])
    .map(({ host, port }) => hostPort(host, port))
    .join()
  const { database } = entry(options)
  const prefix = sentinel ? `sentinel:${sentinel.name}@` : cluster ? 'cluster:' : ''
  return `${prefix}${places}${database ? `/${database}` : ''}`
}

/** A list of `host:port`. A host without a port has the default one. */
function nodes(defaultPort: number) {
  const node = z.string().transform((text, context): Address => {
    const [, name, number] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text) ?? []
    const [knownHost, knownPort] = [host.safeParse(name), port.safeParse(Number(number ?? defaultPort))]
    if (knownHost.success && knownPort.success) return { host: knownHost.data, port: knownPort.data }
    context.addIssue({ code: 'custom', message: 'expected host:port; an IPv6 address stands in brackets' })
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

/** What no single key can tell: one way to the server, and each fact once. */
function coherent(given: Given, context: z.RefinementCtx): void {
  const refuse = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', path, message })
  const [first, second] = (['url', 'host', 'sentinel', 'cluster'] as const).filter(
    key => given[key] !== undefined,
  )
  if (first === undefined) refuse('required: a url, or host, sentinel or cluster', 'url')
  if (second !== undefined) refuse(`give either ${first} or ${second}, not both`, second)
  if (given.port !== undefined && given.host === undefined) refuse('a port stands beside host only', 'port')
  if (given.cluster !== undefined && given.database) refuse('a cluster has database 0 alone', 'database')
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
  if (given.url !== undefined) coherentUrl(given.url.url(), given, refuse)
}

function coherentUrl(url: URL, given: Given, refuse: (message: string, ...path: string[]) => void): void {
  const twice = (key: string) => refuse(`the URL has a ${key} already`, key)
  if (!/^(?:\/\d{0,5})?$/.test(url.pathname))
    refuse('after the port of a URL stands a database number', 'url')
  if (url.search !== '' || url.hash !== '')
    refuse('a Redis URL takes no query; use the keys beside url', 'url')
  if (!decodable(url.username) || !decodable(url.password))
    refuse('a "%" in the user or password of a URL is written %25', 'url')
  if (url.username !== '' && url.password === '' && given.password === undefined)
    refuse('a username needs a password', 'url')
  if (url.username !== '' && given.username !== undefined) twice('username')
  if (url.password !== '' && given.password !== undefined) twice('password')
  if (url.pathname.length > 1 && given.database !== undefined) twice('database')
}

function decodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
