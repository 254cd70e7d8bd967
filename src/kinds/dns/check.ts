/**
 * One check of DNS: one query and its reply, from a fresh socket and so from a fresh port. It is loaded when a
 * dependency of the kind is opened, and brings what encodes and reads messages.
 */

import { createSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Address, type CheckContext, CheckError } from '../../model/dependency.ts'
import { formatAddress } from '../../model/notation.ts'
import { addressesOf, type ConnectOptions, connect } from '../shared/connect.ts'
import { interleave } from '../shared/dial.ts'
import { closedEarly, tooLarge } from '../shared/socket.ts'
import { judge } from './expect.ts'
import {
  createQuery,
  isTruncated,
  mismatch,
  type Query,
  type Reply,
  readReply,
  wrongReply,
} from './message.ts'
import type { Asked, Options } from './options.ts'

export async function check(asked: Asked, options: Options, context: CheckContext): Promise<void> {
  const first = await ask(asked, options, 'edns', context)
  // A server that does not know EDNS answers FORMERR: RFC 6891, section 7.
  const again = first.rcode === 'FORMERR' && options.expect?.rcode !== 'FORMERR'
  const reply = again ? await ask(asked, options, 'plain', context) : first
  context.measure('answers', reply.answers.length)
  if (reply.minTtlSeconds !== undefined) context.measure('min_ttl_seconds', reply.minTtlSeconds)
  const failure = judge(reply, asked, options.expect)
  if (failure !== undefined) throw failure
}

async function ask(
  asked: Asked,
  options: Options,
  form: 'edns' | 'plain',
  context: CheckContext,
): Promise<Reply> {
  const query = createQuery(asked, form)
  const bytes =
    options.transport === 'tcp'
      ? await askByTcp({ ...asked, ipFamily: options.ipFamily }, query, context)
      : await askByBoth(asked, options, query, context)
  if (isTruncated(bytes)) throw truncated('over TCP, where it must be complete')
  return readReply(bytes, asked)
}

/** Asks over UDP, and over TCP at the same address if the answer does not fit (RFC 7766, section 5). */
async function askByBoth(
  { host, port }: Asked,
  { ipFamily }: Options,
  query: Query,
  context: CheckContext,
): Promise<Buffer> {
  const addresses = await addressesOf({ host, ipFamily }, context)
  context.enter('request')
  let foreign: string | undefined
  const isOurs = (bytes: Buffer) => {
    const problem = mismatch(bytes, query)
    // Once is enough, because there may be a flood of them.
    if (problem !== undefined && foreign === undefined) context.presume(wrongReply(problem))
    foreign ??= problem
    return problem === undefined
  }
  const { bytes, address } = await askByUdp({ addresses, port }, query, isOurs, context)
  if (!isTruncated(bytes)) return bytes
  context.presume(truncated('over UDP, and there is none over TCP'))
  return await askByTcp({ host: address, port }, query, context)
}

function truncated(where: string): CheckError {
  return new CheckError('unhealthy', 'truncated', `the answer is truncated ${where}`)
}

interface Received {
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
async function askByUdp(
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
async function askByTcp(
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
