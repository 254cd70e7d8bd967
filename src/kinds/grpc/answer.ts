/** What an answer in HTTP/2, or its absence, stands for in gRPC. */
import { constants, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { decodePercent } from '../../model/address.ts'
import { closedEarly, tooLarge } from '../shared/connect.ts'
import { type Detail, failure, httpFailure } from './failures.ts'

/** An answer that has a gRPC status. */
export interface Reply {
  /** 0 is OK. */
  readonly status: number
  /** What the server says about the status; may be empty. */
  readonly text: string
  /** The messages, each in its frame. */
  readonly body: Buffer
}

/** The most that the headers or the trailers of an answer may have, in bytes. */
export const maxHeaderBytes = 16 * 1024

/** Refuses headers or trailers that are too large. @param raw names and values, in turn. */
export function verifySize(raw: readonly string[]): void {
  const size = raw.reduce((sum, text) => sum + text.length, 0)
  if (size > maxHeaderBytes) throw tooLarge(maxHeaderBytes)
}

/** Refuses the beginning of an answer that is not one of gRPC: that of a proxy, or of a web server. */
export function verifyHead(head: IncomingHttpHeaders, raw: readonly string[]): void {
  verifySize(raw)
  if (head['grpc-status'] !== undefined) return
  const status = Number(head[':status'])
  if (status !== 200) throw httpFailure(status)
  if (!/^application\/grpc(?:$|[+;])/i.test(head['content-type'] ?? ''))
    throw failure('protocol_error', 'the answer is HTTP, but not gRPC')
}

/**
 * The reply that ends with these trailers, or that has nothing but these headers; undefined if they hold no status.
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

/** Percent-encoded UTF-8; what is not is left as it came, as PROTOCOL-HTTP2.md asks for. */
function decodeText(header: string | readonly string[] = ''): string {
  return decodePercent(String(header)) ?? String(header)
}

/** Errors by which a server ends a call, and the status that they stand for: PROTOCOL-HTTP2.md, "Errors". */
const resets = new Map<number, Detail>([
  [constants.NGHTTP2_INTERNAL_ERROR, 'INTERNAL'],
  [constants.NGHTTP2_REFUSED_STREAM, 'UNAVAILABLE'],
  [constants.NGHTTP2_CANCEL, 'CANCELLED'],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, 'RESOURCE_EXHAUSTED'],
  [constants.NGHTTP2_INADEQUATE_SECURITY, 'PERMISSION_DENIED'],
])

/**
 * Why a call ended without a status. The codes of Node alone do not tell: a stream whose connection has ended looks as if
 * it were cancelled, and one that broke the protocol as if the server had an internal error.
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
