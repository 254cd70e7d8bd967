/** Name resolution for all checks of a process. */
import { promises as dns, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import type { Resolve } from '../../dependency.ts'

/** More addresses than these are not tried: a check has one deadline for all of them. */
const maxAddresses = 8

/**
 * Resolves as the application would (hosts file, search list), with one lookup in flight per name. Lookups run on a
 * few threads that the whole process shares, and a silent resolver holds one for many seconds: without this, every
 * further check of a stuck name would take another, until no name at all resolves.
 */
export function createResolve(lookup: typeof dns.lookup = dns.lookup): Resolve {
  const inFlight = new Map<string, Promise<readonly LookupAddress[]>>()
  const start = (host: string): Promise<readonly LookupAddress[]> => {
    const answer = lookup(host, { all: true, order: 'verbatim' })
      .then(addresses => addresses.slice(0, maxAddresses))
      .finally(() => inFlight.delete(host))
    inFlight.set(host, answer)
    return answer
  }
  return async host => {
    const family = isIP(host)
    return family === 0 ? (inFlight.get(host) ?? start(host)) : [{ address: host, family }]
  }
}
