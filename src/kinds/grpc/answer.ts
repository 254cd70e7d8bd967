/** The answer to a Check call of grpc.health.v1: from headers, trailers and frames of HTTP/2 to a serving status. */

import { constants, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { CheckContext } from '../../model/dependency.ts'
import { decodePercent } from '../../model/notation.ts'
import { closedEarly, tooLarge } from '../shared/socket.ts'
import { type Detail, detailOf, failure, httpFailure } from './failures.ts'

/** An answer that has a gRPC status. */
export interface Reply {
  /** 0 is OK. */
  readonly status: number
  /** What the server says about the status; may be empty. */
  readonly text: string
  /** The messages, each in its frame. */
  readonly body: Buffer
}

/** Limit of the headers, and of the trailers, of an answer, in bytes. */
export const maxHeaderBytes = 16 * 1024

/** Refuses headers or trailers that are too large. @param raw names and values, in turn. */
export function verifySize(raw: readonly string[]): void {
  const size = raw.reduce((sum, text) => sum + text.length, 0)
  if (size > maxHeaderBytes) throw tooLarge(maxHeaderBytes)
}

/** Refuses the headers of an answer that is not gRPC, such as one from a proxy or a web server. */
export function verifyHead(head: IncomingHttpHeaders, raw: readonly string[]): void {
  verifySize(raw)
  if (head['grpc-status'] !== undefined) return
  const status = Number(head[':status'])
  if (status !== 200) throw httpFailure(status)
  if (!/^application\/grpc(?:$|[+;])/i.test(head['content-type'] ?? ''))
    throw failure('protocol_error', 'the answer is HTTP, but not gRPC')
}

/**
 * Returns the reply that ends with these trailers or consists only of these headers; undefined if they contain no status.
 *
 * @throws CheckError if the status is not a number.
 */
export function readReply(last: IncomingHttpHeaders | undefined, body: Buffer): Reply | undefined {
  const status = last?.['grpc-status']
  if (status === undefined) return undefined
  return { status: statusOf(status), text: decodeText(last?.['grpc-message']), body }
}

function statusOf(header: string | readonly string[]): number {
  const text = String(header)
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw failure('protocol_error', 'the gRPC status of the answer is not a number')
}

/** Decodes percent-encoded UTF-8. Anything else stays as it is, as PROTOCOL-HTTP2.md requires. */
function decodeText(header: string | readonly string[] = ''): string {
  return decodePercent(String(header)) ?? String(header)
}

/** HTTP/2 errors with which a server ends a call, and the gRPC status of each: PROTOCOL-HTTP2.md, "Errors". */
const resets = new Map<number, Detail>([
  [constants.NGHTTP2_INTERNAL_ERROR, 'INTERNAL'],
  [constants.NGHTTP2_REFUSED_STREAM, 'UNAVAILABLE'],
  [constants.NGHTTP2_CANCEL, 'CANCELLED'],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'RESOURCE_EXHAUSTED'],
  [constants.NGHTTP2_INADEQUATE_SECURITY, 'PERMISSION_DENIED'],
])

/**
 * Explains why a call ended without a status. Node's codes alone do not tell: a stream looks cancelled if its connection
 * ended, and looks like an internal error of the server if it violated the protocol.
 */
export function lossOf(error: Error | undefined, rstCode: number, begun: boolean, socket: Socket): Error {
  const code = error !== undefined && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_HTTP2_ERROR')
    return failure('protocol_error', 'what the server sends is not valid HTTP/2', { cause: error })
  if (error !== undefined && !code.startsWith('ERR_HTTP2_')) return error
  if (error === undefined && socket.destroyed)
    return socket.errored ?? closedEarly(begun ? 'before the end of its answer' : undefined)
  if (rstCode === constants.NGHTTP2_NO_ERROR)
    return failure('protocol_error', 'the answer ended without a gRPC status')
  const detail = resets.get(rstCode) ?? 'protocol_error'
  return failure(detail, `the server ended the call with HTTP/2 error ${rstCode}`, { cause: error })
}

const prefixBytes = 5

/** Frames a message: a compression flag, the length in four bytes, and the message. */
export function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Returns the messages of a stream. @throws CheckError if one is compressed, or the last one is cut off. */
function unframe(stream: Buffer): readonly Uint8Array[] {
  const messages: Uint8Array[] = []
  let at = 0
  while (at < stream.length) {
    const begin = at + prefixBytes
    const end = begin > stream.length ? begin : begin + stream.readUInt32BE(at + 1)
    if (stream[at] !== 0) throw failure('protocol_error', 'the answer is compressed, which nobody asked for')
    if (end > stream.length) throw failure('protocol_error', 'the message of the answer is cut off')
    messages.push(stream.subarray(begin, end))
    at = end
  }
  return messages
}

/** `HealthCheckResponse.ServingStatus`: grpc/health/v1/health.proto. */
const serving = 1
const otherStatuses = new Map<number, Detail>([
  [0, 'UNKNOWN'],
  [2, 'NOT_SERVING'],
  [3, 'SERVICE_UNKNOWN'],
])

/** `HealthCheckRequest { string service = 1 }`. The empty service is the server as a whole. */
export function encodeRequest(service: string): Uint8Array {
  if (service === '') return new Uint8Array()
  return new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish()
}

/** `HealthCheckResponse { ServingStatus status = 1 }`. Unknown fields are skipped. */
function decodeResponse(message: Uint8Array): number {
  try {
    return servingStatus(new BinaryReader(message))
  } catch (cause) {
    throw failure('protocol_error', 'the answer is not a HealthCheckResponse', { cause })
  }
}

function servingStatus(reader: BinaryReader): number {
  let status = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1 && type === WireType.Varint) status = reader.int32()
    else reader.skip(type, field)
  }
  return status
}

/**
 * Reports the numbers of a reply, and refuses it unless it says SERVING.
 *
 * @param quotes whether messages may quote the server.
 * @throws CheckError with the name of the gRPC status or of the serving status as its detail.
 */
export function verify(
  reply: Reply,
  service: string,
  quotes: boolean,
  context: Pick<CheckContext, 'measure'>,
): void {
  context.measure('status_code', reply.status)
  if (reply.status !== 0) throw callFailure(reply, service, quotes)
  const status = decodeResponse(onlyMessage(reply.body))
  context.measure('serving_status', status)
  if (status === serving) return
  const name = otherStatuses.get(status)
  throw failure(name ?? 'UNKNOWN', `the status of ${subject(service)} is ${name ?? status}`)
}

function callFailure({ status, text }: Reply, service: string, quotes: boolean): Error {
  const detail = detailOf(status)
  const said = quotes && text !== '' ? `: ${text}` : ''
  return failure(detail, `the health check of ${subject(service)} ended with ${detail} (${status})${said}`)
}

function onlyMessage(body: Buffer): Uint8Array {
  const [message, ...more] = unframe(body)
  if (message !== undefined && more.length === 0) return message
  throw failure('protocol_error', `the answer has ${more.length === 0 ? 'no message' : 'several messages'}`)
}

function subject(service: string): string {
  return service === '' ? 'the server' : `service ${JSON.stringify(service)}`
}
