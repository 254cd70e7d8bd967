/** What this machine knows about names: hosts(5), resolv.conf(5), and its address families. */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { Address } from '../model/dependency.ts'

export interface ResolverFiles {
  /** Default: `/etc/hosts`. */
  readonly hosts?: string
  /** Default: `/etc/resolv.conf`. As in OpenBSD, `nameserver [127.0.0.1]:5353` gives a port. */
  readonly resolvConf?: string
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

export interface Surroundings {
  /** Addresses by lower-case name. */
  readonly hosts: ReadonlyMap<string, readonly Address[]>
  /** In the form of `setServers`. Undefined stands for those that c-ares finds by itself. */
  readonly servers: readonly (string | undefined)[]
  readonly attempts: number
  readonly search: readonly string[]
  /** A name with fewer dots is tried with the search list first. */
  readonly ndots: number
  /** Address families by which this machine reaches others; both if it has none. */
  readonly reachable: ReadonlySet<number>
}

/** How often the files are looked at, at most, in milliseconds. */
const freshMs = 1_000
/** As in glibc: further servers are ignored, and larger numbers are lowered. */
const maxServers = 3
const maxNdots = 15
const maxAttempts = 5

/** Returns a function that reads the surroundings, at most a second late. */
export function watchSurroundings({
  hosts: hostsFile = '/etc/hosts',
  resolvConf: resolvFile = '/etc/resolv.conf',
  now = () => performance.now(),
}: ResolverFiles): () => Surroundings {
  const hosts = watchFile(hostsFile, text => parseHosts(text ?? ''))
  const resolvConf = watchFile(resolvFile, parseResolvConf)
  let readAt = Number.NEGATIVE_INFINITY
  let current: Surroundings | undefined
  return () => {
    if (current === undefined || now() - readAt >= freshMs) {
      readAt = now()
      current = { hosts: hosts(), ...resolvConf(), reachable: reachableFamilies() }
    }
    return current
  }
}

/** Reads a file again when it has changed. A file that is missing or unreadable has no text. */
function watchFile<T>(path: string, parse: (text: string | undefined) => T): () => T {
  let seen: { readonly mark: string | undefined; readonly value: T } | undefined
  return () => {
    const mark = attempt(() => {
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join()
    })
    if (seen === undefined || seen.mark !== mark)
      seen = { mark, value: parse(attempt(() => readFileSync(path, 'utf8'))) }
    return seen.value
  }
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

function parseHosts(text: string): Surroundings['hosts'] {
  const hosts = new Map<string, Address[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = fields(line.replace(/#.*/, ''))
    const family = isIP(address)
    if (family === 0) continue
    for (const name of names.map(name => name.toLowerCase()))
      hosts.set(name, [...(hosts.get(name) ?? []), { address, family }])
  }
  return hosts
}

/** Without a server in the file, the local machine is asked, as in glibc. Without a file, c-ares finds the servers. */
export function parseResolvConf(
  text: string | undefined,
): Pick<Surroundings, 'servers' | 'attempts' | 'search' | 'ndots'> {
  const lines = (text ?? '').split('\n').map(line => fields(line.replace(/[#;].*/, '')))
  const values = (keyword: string) => lines.filter(([first]) => first === keyword).map(line => line.slice(1))
  const servers = values('nameserver').flatMap(([server]) => (isServer(server) ? [server] : []))
  const lists = lines.filter(([first]) => first === 'search' || first === 'domain')
  const options = values('options').flat()
  const search = lists.at(-1)?.slice(1) ?? [ownDomain()]
  return {
    servers:
      servers.length > 0 ? servers.slice(0, maxServers) : [text === undefined ? undefined : '127.0.0.1'],
    search: search.map(domain => domain.replace(/\.$/, '')).filter(domain => domain !== ''),
    ndots: Math.min(option(options, 'ndots', 1), maxNdots),
    attempts: Math.max(1, Math.min(option(options, 'attempts', 2), maxAttempts)),
  }
}

function isServer(text: string | undefined): text is string {
  return text !== undefined && (isIP(text) !== 0 || /^\[[\da-fA-F:.]+\]:\d{1,5}$/.test(text))
}

function option(options: readonly string[], name: string, preset: number): number {
  const value = options.findLast(each => each.startsWith(`${name}:`))?.slice(name.length + 1)
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : preset
}

function fields(line: string): readonly string[] {
  return line.trim().split(/\s+/)
}

/** The part of this machine's name after the first dot. */
function ownDomain(): string {
  return hostname().split('.').slice(1).join('.')
}

function reachableFamilies(): ReadonlySet<number> {
  const addresses = Object.values(networkInterfaces()).flatMap(each => each ?? [])
  const outer = addresses.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
  const families = outer.map(({ family }) => (family === 'IPv6' ? 6 : 4))
  return new Set(families.length === 0 ? [4, 6] : families)
}
