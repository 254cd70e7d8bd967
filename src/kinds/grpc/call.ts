/**
 * One unary gRPC call over a connection that is already there: the home of node:http2. The format is that of
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 */
import {
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { CheckContext } from '../../model/dependency.ts'
import { closedEarly, tooLarge } from '../shared/connect.ts'
import { type Detail, failure, httpFailure } from './failures.ts'
import { frame } from './frame.ts'

export interface Call {
  /** `/<package>.<service>/<method>`. */
  readonly path: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  /** Lower-case names. The values are secret. */
  readonly metadata: Readonly<Record<string, string>>
  readonly traceparent?: string
  readonly message: Uint8Array
}

/** An answer that has a gRPC status. */
export interface Reply {
  /** 0 is OK. */
  readonly status: number
  /** What the server says about the status; may be empty. */
  readonly text: string
  /** The messages, each in its frame. */
  readonly body: Buffer
}

/** The most that is read of an answer, in bytes of HTTP/2, and how often that is looked at. */
const maxBytes = 2 ** 20
const lookEveryMs = 20
/** The most that the headers or the trailers of an answer may have, in bytes. */
const maxHeaderBytes = 16 * 1024

/**
 * Calls once. The connection is of no further use; the caller destroys it, which also ends a call under way. Time is not
 * limited here, but the server is told the deadline.
 *
 * @throws CheckError, or the error of the socket.
 */
export async function callOnce(socket: Socket, call: Call, context: CheckContext): Promise<Reply> {
  if (socket.destroyed) throw closedEarly()
  // The URL only has to be one: what it would set is among the headers.
  const session = connectHttp2(`${call.scheme}://localhost`, {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: maxHeaderBytes },
  })
  // The stream has the same error.
  session.on('error', () => {})
  context.enter('request')
  try {
    const stream = session.request(headersOf(call, context.timeoutMs))
    const reply = exchange(stream, socket, context)
    stream.end(frame(call.message))
    return await reply
  } finally {
    session.destroy()
  }
}

function headersOf({ path, scheme, authority, metadata, traceparent }: Call, timeoutMs: number) {
  return {
    ':method': 'POST',
    ':scheme': scheme,
    ':authority': authority,
    ':path': path,
    te: 'trailers',
    'content-type': 'application/grpc',
    'user-agent': 'pulsecheck',
    'grpc-timeout': timeoutText(timeoutMs),
    ...metadata,
    ...(traceparent !== undefined && { traceparent }),
    // Keeps proxies from storing them in a compression table: RFC 7541, section 7.1.3.
    [sensitiveHeaders]: Object.keys(metadata),
  }
}

/** At most eight digits and a unit. */
function timeoutText(ms: number): string {
  return ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.ceil(ms / 1_000)}S`
}

/** Reads the answer. Its status stands in the trailers, or in the headers of an answer that has nothing else. */
function exchange(stream: ClientHttp2Stream, socket: Socket, context: CheckContext): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const chunks: Buffer[] = []
  let size = 0
  let head: IncomingHttpHeaders | undefined
  let trailers: IncomingHttpHeaders | undefined
  let error: Error | undefined
  const attempt = (step: () => void) => {
    try {
      step()
    } catch (error) {
      reject(error)
    }
  }
  stream.on('error', first => {
    error ??= first
  })
  stream.on('response', (headers, _flags, raw) => {
    context.enter('transfer')
    head = headers
    attempt(() => {
      verifySize(raw)
      verifyGrpc(headers)
    })
  })
  stream.on('trailers', (headers, _flags, raw) => {
    trailers = headers
    attempt(() => verifySize(raw))
  })
  stream.on('data', chunk => {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxBytes) reject(tooLarge(maxBytes))
  })
  stream.on('close', () =>
    attempt(() => {
      const status = trailers?.['grpc-status'] ?? head?.['grpc-status']
      if (status === undefined) throw lossOf(error, stream.rstCode, head !== undefined, socket)
      const text = trailers?.['grpc-message'] ?? head?.['grpc-message']
      resolve({ status: statusOf(status), text: decodeText(text), body: Buffer.concat(chunks) })
    }),
  )
  const stop = watchBytes(socket, reject)
  return promise.finally(stop)
}

/** Node reads for HTTP/2 past the socket's events, and gives no event for many sorts of frame; but it counts. */
function watchBytes(socket: Socket, exceeded: (error: Error) => void): () => void {
  const timer = setInterval(() => {
    if (socket.bytesRead > maxBytes) exceeded(tooLarge(maxBytes))
  }, lookEveryMs)
  return () => clearInterval(timer)
}

function verifySize(raw: readonly string[]): void {
  const size = raw.reduce((sum, text) => sum + text.length, 0)
  if (size > maxHeaderBytes) throw tooLarge(maxHeaderBytes)
}

/** Refuses the beginning of an answer that is not one of gRPC: that of a proxy, or of a web server. */
function verifyGrpc(head: IncomingHttpHeaders): void {
  if (head['grpc-status'] !== undefined) return
  const status = Number(head[':status'])
  if (status !== 200) throw httpFailure(status)
  if (!/^application\/grpc(?:$|[+;])/i.test(head['content-type'] ?? ''))
    throw failure('protocol_error', 'the answer is HTTP, but not gRPC')
}

function statusOf(header: string | readonly string[]): number {
  const text = String(header)
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw failure('protocol_error', 'the gRPC status of the answer is not a number')
}

/** Percent-encoded UTF-8; what is not is left as it came, as PROTOCOL-HTTP2.md asks for. */
function decodeText(header: string | readonly string[] = ''): string {
  try {
    return decodeURIComponent(String(header))
  } catch {
    return String(header)
  }
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
function lossOf(error: Error | undefined, rstCode: number, begun: boolean, socket: Socket): Error {
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
