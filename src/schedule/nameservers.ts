/** Queries to name servers: which ones are asked, and for how long. */
import { promises as dns } from 'node:dns'
import { closeSync, openSync } from 'node:fs'
import { type Address, CheckError } from '../model/dependency.ts'
import { dnsFailure, failureRank, isDnsFailure } from './lookup-failures.ts'
import type { Surroundings } from './surroundings.ts'

/** How long a server may stay silent before the next one is asked as well, in milliseconds. A single one is asked again. */
const staggerMs = 1_000
/** How long to wait for an answer, in milliseconds: glibc's default, and the most that c-ares waits. */
const patienceMs = 5_000
/** How long to wait for the other address family once one has come, in milliseconds (RFC 8305, section 3). */
const resolutionDelayMs = 50

/**
 * The addresses of an absolute name. Servers are asked in order: the next one as soon as one fails, or while it is silent.
 * The first server that knows the name, or says that it does not exist, decides.
 *
 * @throws CheckError `dns_error`; the signal's reason; or the system's error if no socket could be opened.
 */
export function askServers(
  name: string,
  { servers, attempts, reachable }: Pick<Surroundings, 'servers' | 'attempts' | 'reachable'>,
  signal: AbortSignal,
): Promise<readonly Address[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Address[]>()
  const plan = Array.from({ length: attempts }, () => servers).flat()
  const asked: dns.Resolver[] = []
  const failures: Error[] = []
  let over = false
  let timer: NodeJS.Timeout | undefined
  const askNext = () => {
    clearTimeout(timer)
    const resolver = openResolver(plan.shift())
    asked.push(resolver)
    if (plan.length > 0) timer = setTimeout(askNext, staggerMs)
    askServer(resolver, name, reachable).then(resolve, failed)
  }
  const failed = (error: Error) => {
    failures.push(error)
    if (over) return
    if (isDenial(error)) reject(error)
    else if (plan.length > 0) askNext()
    else if (failures.length === asked.length) reject(mostTelling(failures))
  }
  const abort = () => reject(signal.reason)
  const stop = () => {
    over = true
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    for (const resolver of asked) resolver.cancel()
  }
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  else askNext()
  return promise.finally(stop)
}

/**
 * A channel for a single query. A shared one would soon give up on slow answers, since c-ares shortens its timeouts to a
 * multiple of what a server usually takes. A fresh socket also has a port that a forger has to guess.
 */
function openResolver(server: string | undefined): dns.Resolver {
  const resolver = new dns.Resolver({ timeout: patienceMs, tries: 1 })
  if (server !== undefined) resolver.setServers([server])
  return resolver
}

/** Asks for both families at once. An address that this machine cannot reach does not end the wait for the other family. */
function askServer(
  resolver: dns.Resolver,
  name: string,
  reachable: ReadonlySet<number>,
): Promise<readonly Address[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Address[]>()
  const found: Address[] = []
  const failures: Error[] = []
  let open = 2
  let delay: NodeJS.Timeout | undefined
  const conclude = () => {
    clearTimeout(delay)
    if (found.length > 0) resolve(found)
    else reject(mostTelling(failures))
  }
  const ask = async (family: 4 | 6) => {
    try {
      const addresses = await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name))
      found.push(...addresses.map(address => ({ address, family })))
      if (open === 2 && reachable.has(family)) delay = setTimeout(conclude, resolutionDelayMs)
    } catch (error) {
      failures.push(explain(error, name))
    }
    if (--open === 0) conclude()
  }
  void ask(4)
  void ask(6)
  return promise
}

/** Translates an error of c-ares, which also says ECONNREFUSED if it could not open a socket: a fault of our own. */
function explain(error: unknown, name: string): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ECONNREFUSED') {
    try {
      closeSync(openSync('/', 'r'))
    } catch (exhausted) {
      return exhausted as Error
    }
  }
  if (isDnsFailure(code)) return dnsFailure(code, name)
  return error instanceof Error ? error : new Error(String(error))
}

function isDenial(error: Error): boolean {
  return error instanceof CheckError && ['ENOTFOUND', 'ENODATA', 'EBADNAME'].includes(error.detail)
}

/** An error that is not about names, such as running out of descriptors, tells the most. */
function mostTelling(failures: readonly Error[]): Error | undefined {
  const rank = (error: Error) => (error instanceof CheckError ? failureRank(error) : -1)
  return failures.toSorted((a, b) => rank(a) - rank(b))[0]
}
