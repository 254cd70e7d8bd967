/**
 * One question and its reply, from a fresh socket and so from a fresh port. By TCP, each message has its length in front
 * (RFC 1035, section 4.2.2).
 */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { formatAddress } from '../../model/address.ts'
import type { Address, CheckContext } from '../../model/dependency.ts'
import { type ConnectOptions, closedEarly, connect, tooLarge } from '../shared/connect.ts'
import { interleave } from '../shared/dial.ts'
import { mismatch, type Query, wrongReply } from './message.ts'

export interface Received {
  readonly bytes: Buffer
  /** Where it came from. */
  readonly address: string
}

/** The same as between two connection attempts: RFC 8305, section 5. */
const maxDelayMs = 250

/**
 * Sends the query to the first address and, while there is no reply, to the next ones as well, so that each gets its turn
 * within half of the timeout. Resolves with the first datagram that `isOurs` accepts; others are ignored.
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

/** Connects the socket, so that the kernel drops datagrams from elsewhere and reports a closed port. */
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
  // No callback: if connecting fails, it would be called instead of the event.
  socket.connect(port, address)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return promise.finally(() => {
    signal.removeEventListener('abort', abort)
    socket.close()
  })
}

/**
 * Longer messages are possible but rare. They are refused because the time to decode one grows with the square of its
 * length: each record may follow a chain of pointers.
 */
const maxBytes = 16 * 1_024

/** @throws the error of the connection, or CheckError `protocol_error` if what comes back is not a reply. */
export async function askByTcp(
  server: Pick<ConnectOptions, 'host' | 'port' | 'ipFamily'>,
  query: Query,
  context: CheckContext,
): Promise<Buffer> {
  const { host, port, ipFamily } = server
  const socket = await connect({ host, port, ipFamily }, context)
  try {
    context.enter('request')
    socket.write(Buffer.concat([lengthOf(query.bytes), query.bytes]))
    const bytes = await receive(socket, context)
    const problem = mismatch(bytes, query)
    if (problem !== undefined) throw wrongReply(problem)
    return bytes
  } finally {
    socket.destroy()
  }
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return length
}

/** Receives one message and ignores what follows. */
async function receive(socket: Socket, context: CheckContext): Promise<Buffer> {
  let received = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    if (received.length === 0) context.enter('transfer')
    received = Buffer.concat([received, chunk])
    if (received.length < 2) continue
    const end = 2 + received.readUInt16BE(0)
    if (end > maxBytes) throw tooLarge(maxBytes)
    if (received.length >= end) return received.subarray(2, end)
  }
  throw closedEarly()
}
