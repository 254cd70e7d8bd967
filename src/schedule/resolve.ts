/** Resolves host names for all checks of a process, as the applications on this machine do. */
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { type Address, CheckError } from '../model/dependency.ts'
import { dnsFailure, failureRank } from './lookup-failures.ts'
import { askServers } from './nameservers.ts'
import { type ResolverFiles, type Surroundings, watchSurroundings } from './surroundings.ts'

/**
 * Returns the addresses of a host name or an IP address, in the order in which to try them. Rejects if there are none.
 *
 * @param signal aborted when this caller no longer waits.
 */
export type Resolve = (host: string, signal?: AbortSignal) => Promise<readonly Address[]>

export interface Resolver {
  readonly resolve: Resolve
  /** Ends all lookups. Leaves no socket and no timer behind. */
  close(): void
}

/** A lookup gives up after this long, in milliseconds: glibc's default of two attempts, 5 s each. */
const maxLookupMs = 10_000
/** No host has more addresses than this. */
const maxAddresses = 256

/** Failures after which the next name of the search list is tried, as glibc does. */
const triesNext = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'ESERVFAIL'])

interface Lookup {
  readonly answer: Promise<readonly Address[]>
  waiting: number
  cancel(): void
}

/**
 * Resolves by IP address, `localhost`, the hosts file and DNS with its search list, in this order. Nothing is cached, so
 * that a moved record is seen at once. Calls for a name that is already being looked up share the lookup.
 *
 * It speaks DNS itself instead of calling `getaddrinfo`, which takes a thread of libuv's pool for each name. At most half
 * of the pool may look up names, so a few names on a silent server would hold up all others, including the application's
 * own, and a process cannot exit while such a thread runs. Of nsswitch.conf, only `files` and `dns` are supported.
 */
export function createResolver(files: ResolverFiles = {}): Resolver {
  const surroundings = watchSurroundings(files)
  const lookups = new Map<string, Lookup>()
  const start = (name: string, host: string, around: Surroundings): Lookup => {
    const controller = new AbortController()
    const end = () => {
      clearTimeout(limit)
      if (lookups.get(name) === lookup) lookups.delete(name)
    }
    const cancel = () => {
      end()
      controller.abort(new Error(`the lookup of ${host} was given up`))
    }
    const limit = setTimeout(() => controller.abort(dnsFailure('ETIMEOUT', host)), maxLookupMs)
    const answer = search(name, host, around, controller.signal).finally(end)
    answer.catch(() => {})
    const lookup = { answer, waiting: 0, cancel }
    lookups.set(name, lookup)
    return lookup
  }
  return {
    async resolve(host, signal) {
      const family = isIP(host)
      if (family !== 0) return [{ address: host, family }]
      const name = domainToASCII(host)
      if (isIP(name) !== 0) return [{ address: name, family: isIP(name) }]
      const around = surroundings()
      return known(name, around) ?? (await join(lookups.get(name) ?? start(name, host, around), signal))
    },
    close() {
      for (const lookup of [...lookups.values()]) lookup.cancel()
    },
  }
}

/** Waits for a lookup, which ends when the last caller gives up. */
async function join(lookup: Lookup, signal: AbortSignal | undefined): Promise<readonly Address[]> {
  lookup.waiting++
  const leave = () => {
    if (--lookup.waiting === 0) lookup.cancel()
  }
  if (signal?.aborted) leave()
  else signal?.addEventListener('abort', leave, { once: true })
  try {
    return await lookup.answer
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}

const loopback: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** What needs no name server: the hosts file, and `localhost`, which always means loopback (RFC 6761). */
function known(name: string, { hosts, reachable }: Surroundings): readonly Address[] | undefined {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name
  const listed = hosts.get(bare)
  const isLocal = bare === 'localhost' || bare.endsWith('.localhost')
  if (!isLocal) return listed && inOrder(listed, reachable)
  const local = listed?.filter(({ address }) => address.startsWith('127.') || address === '::1') ?? []
  return inOrder(local.length === 0 ? loopback : local, reachable)
}

/** Looks up the name as the search list expands it. @throws CheckError the most telling failure */
async function search(
  name: string,
  host: string,
  around: Surroundings,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  if (name === '') throw dnsFailure('EBADNAME', host)
  const failures: CheckError[] = []
  for (const candidate of candidates(name, around)) {
    try {
      return inOrder(await askServers(candidate, around, signal), around.reachable)
    } catch (error) {
      if (!(error instanceof CheckError && triesNext.has(error.detail))) throw error
      failures.push(error)
    }
  }
  throw failures.sort((a, b) => failureRank(a) - failureRank(b))[0] ?? dnsFailure('ENOTFOUND', host)
}

/** The absolute names that a name may stand for, in the order of resolv.conf(5). A trailing dot makes it absolute. */
export function candidates(
  name: string,
  { search, ndots }: Pick<Surroundings, 'search' | 'ndots'>,
): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const expanded = search.map(domain => `${name}.${domain}`)
  return name.split('.').length > ndots ? [name, ...expanded] : [...expanded, name]
}

/**
 * IPv6 first if this machine has an IPv6 address, else IPv4 first: rule 1 of RFC 6724, avoid unusable destinations. Within
 * a family, the server's order stays.
 */
function inOrder(addresses: readonly Address[], reachable: ReadonlySet<number>): readonly Address[] {
  const first = reachable.has(6) ? 6 : 4
  return [
    ...addresses.filter(({ family }) => family === first),
    ...addresses.filter(({ family }) => family !== first),
  ].slice(0, maxAddresses)
}
