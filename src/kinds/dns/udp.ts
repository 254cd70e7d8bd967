/** One question by UDP, from a fresh socket and so from a fresh port. */
import { createSocket } from 'node:dgram'
import { setTimeout as wait } from 'node:timers/promises'
import { formatAddress } from '../../model/address.ts'
import type { Address, CheckContext } from '../../model/dependency.ts'
import { interleave } from '../shared/dial.ts'
import type { Query } from './message.ts'

export interface Received {
  readonly bytes: Buffer
  /** Who has answered. */
  readonly address: string
}

/** As between two connection attempts: RFC 8305, section 5. */
const maxDelayMs = 250

/**
 * Sends the query to the first address, and to the next ones beside it while there is no reply, so that each has its turn
 * within half of the timeout. Resolves with the first datagram that is ours; others are ignored.
 *
 * @throws AggregateError of the system's errors, in the order of the addresses, if all of them fail.
 */
export async function askByUdp(
  { addresses, port }: { readonly addresses: readonly Address[]; readonly port: number },
  query: Query,
  isOurs: (bytes: Buffer) => boolean,
  { signal, timeoutMs }: CheckContext,
): Promise<Received> {
  const delayMs = Math.min(maxDelayMs, timeoutMs / 2 / addresses.length)
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const ask = async (address: Address, i: number) => {
    if (i > 0) await wait(i * delayMs, undefined, { signal: until })
    return await askAddress(address, port, query, isOurs, until)
  }
  try {
    return await Promise.any(interleave(addresses).map(ask))
  } finally {
    over.abort()
  }
}

/** The socket is connected: the kernel drops what comes from elsewhere, and reports that nobody listens there. */
function askAddress(
  { address, family }: Address,
  port: number,
  query: Query,
  isOurs: (bytes: Buffer) => boolean,
  signal: AbortSignal,
): Promise<Received> {
  const { promise, resolve, reject } = Promise.withResolvers<Received>()
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  const abort = () => reject(signal.reason)
  const fail = (error: Error) => {
    error.message = `${error.message} ${formatAddress(address, port)}`
    reject(error)
  }
  socket.on('error', fail)
  socket.on('message', bytes => isOurs(bytes) && resolve({ bytes, address }))
  socket.once('connect', () => socket.send(query.bytes))
  // Without a callback: one would also be called where connecting failed, in place of the event.
  socket.connect(port, address)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return promise.finally(() => {
    signal.removeEventListener('abort', abort)
    socket.close()
  })
}
