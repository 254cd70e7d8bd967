/**
 * Connects over TCP to the first of several addresses that answers: Happy Eyeballs, RFC 8305. Node's own version
 * (`autoSelectFamily`) abandons an attempt before it starts the next, and so misses hosts that are merely far away.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import type { Address, CheckContext } from '../../model/dependency.ts'
import { guard, waitFor } from './socket.ts'

interface Dialled {
  readonly socket: Socket
  /** How long this attempt took: about one round trip. */
  readonly roundTripMs: number
}

/** Recommended and minimum Connection Attempt Delay: RFC 8305, section 5. */
const attemptDelayMs = { recommended: 250, min: 10 }
/** Beyond this many open attempts, the oldest makes room: with 10 ms between two, it has had 640 ms. */
const maxAttempts = 64

/**
 * Dials the addresses, alternating between families, and resolves with the first that connects; the others are destroyed.
 * When an attempt fails, the next starts at once. A silent one is not abandoned: the next starts beside it, early enough
 * that every address gets its turn within half of the timeout. A single address needs no timer.
 *
 * @param addresses at least one.
 * @throws AggregateError of all failures, the most telling first; with a single address, its failure.
 */
export async function dial(
  addresses: readonly Address[],
  port: number,
  { timeoutMs, signal }: Pick<CheckContext, 'timeoutMs' | 'signal'>,
): Promise<Dialled> {
  const [only] = addresses
  if (addresses.length === 1 && only !== undefined) return await start(only, port, signal).connected
  return await race(interleave(addresses), port, delayBetween(addresses.length, timeoutMs), signal)
}

interface Attempt {
  readonly socket: Socket
  readonly connected: Promise<Dialled>
}

function start({ address, family }: Address, port: number, signal: AbortSignal): Attempt {
  const startedAt = performance.now()
  const socket = connectTcp({ host: address, family, port, autoSelectFamily: false })
  guard(socket, signal)
  const connected = waitFor(socket, 'connect').then(
    () => ({ socket, roundTripMs: performance.now() - startedAt }),
    error => {
      socket.destroy()
      throw error
    },
  )
  return { socket, connected }
}

async function race(
  addresses: readonly Address[],
  port: number,
  delayMs: number,
  signal: AbortSignal,
): Promise<Dialled> {
  const { promise, resolve, reject } = Promise.withResolvers<Dialled>()
  const failures = new Map<Address, unknown>()
  const open = new Set<Socket>()
  const waiting = addresses.slice()
  let timer: NodeJS.Timeout | undefined
  const next = () => {
    clearTimeout(timer)
    const address = waiting.shift()
    if (address === undefined) return
    if (waiting.length > 0) timer = setTimeout(next, delayMs)
    const { socket, connected } = start(address, port, signal)
    connected.then(resolve, error => {
      failures.set(address, error)
      if (failures.size === addresses.length) reject(failureOfAll(addresses.map(each => failures.get(each))))
      if (open.delete(socket)) next()
    })
    open.add(socket)
    if (open.size > maxAttempts) makeRoom(open)
  }
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    if (signal.aborted) abort()
    else next()
    const winner = await promise
    open.delete(winner.socket)
    return winner
  } finally {
    clearTimeout(timer)
    waiting.length = 0
    signal.removeEventListener('abort', abort)
    for (const socket of open) socket.destroy()
  }
}

function makeRoom(open: Set<Socket>): void {
  const [oldest] = open
  if (oldest === undefined) return
  open.delete(oldest)
  oldest.destroy(Object.assign(new Error('no answer to the connection attempt'), { code: 'ETIMEDOUT' }))
}

function delayBetween(addresses: number, timeoutMs: number): number {
  const share = timeoutMs / 2 / (addresses - 1)
  return Math.max(attemptDelayMs.min, Math.min(attemptDelayMs.recommended, share))
}

/** Alternates between families, beginning with that of the first address: RFC 8305, section 4. */
export function interleave(addresses: readonly Address[]): readonly Address[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family)
  const other = addresses.filter(({ family }) => family !== addresses[0]?.family)
  const longer = Math.max(first.length, other.length)
  return Array.from({ length: longer }, (_, i) => [first[i], other[i]])
    .flat()
    .filter(address => address !== undefined)
}

/** These codes mean that this machine has no route to the address family. They say nothing about the server. */
const withoutRoute = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** Collects all failures in the order of their addresses, except that those of an unreachable family come last. */
function failureOfAll(failures: readonly unknown[]): AggregateError {
  const telling = failures.filter(failure => !isWithoutRoute(failure))
  return new AggregateError([...telling, ...failures.filter(isWithoutRoute)])
}

function isWithoutRoute(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && withoutRoute.has(String(failure.code))
}
