/** One question by TCP, on a fresh connection: each message has its length in front (RFC 1035, section 4.2.2). */
import type { Socket } from 'node:net'
import type { CheckContext } from '../../model/dependency.ts'
import { type ConnectOptions, closedEarly, connect, tooLarge } from '../shared/connect.ts'
import { mismatch, type Query, wrongReply } from './message.ts'

/**
 * Longer messages are possible and hardly ever sent. They are refused because the time to decode one grows with the
 * square of its length: a chain of pointers may be followed for each record.
 */
const maxBytes = 16 * 1_024

/** @throws the error of the connection, or CheckError `protocol_error` if something else than a reply comes back. */
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

/** One message. What comes after it does not count. */
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
