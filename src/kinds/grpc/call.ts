/**
 * One unary gRPC call over an established connection. The format is that of
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 */
import {
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  sensitiveHeaders,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { CheckContext } from '../../model/dependency.ts'
import { closedEarly, tooLarge } from '../shared/socket.ts'
import { frame, lossOf, maxHeaderBytes, type Reply, readReply, verifyHead, verifySize } from './answer.ts'

export interface Call {
  /** `/<package>.<service>/<method>`. */
  readonly path: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  /** Lower-case names. The values are secret. */
  readonly metadata: Readonly<Record<string, string>>
  readonly traceparent?: string | undefined
  readonly message: Uint8Array
}

/** Limit of what is read of an answer, in bytes of HTTP/2, and how often it is enforced. */
const maxBytes = 2 ** 20
const lookEveryMs = 20

/**
 * Makes one call. The connection cannot be used again: the caller destroys it, which also ends a call in progress.
 * Nothing here limits time, but the deadline is sent to the server.
 *
 * @throws CheckError, or the error of the socket.
 */
export async function callOnce(socket: Socket, call: Call, context: CheckContext): Promise<Reply> {
  if (socket.destroyed) throw closedEarly()
  // Any valid URL will do, because the headers set everything that it would.
  const session = connectHttp2(`${call.scheme}://localhost`, {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: maxHeaderBytes },
  })
  // The stream reports the same error.
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

/** Reads the response. Its status is in the trailers, or in the headers of a response that has nothing else. */
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
    attempt(() => verifyHead(headers, raw))
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
      const reply = readReply(trailers ?? head, Buffer.concat(chunks))
      if (reply === undefined) throw lossOf(error, stream.rstCode, head !== undefined, socket)
      resolve(reply)
    }),
  )
  const stop = watchBytes(socket, reject)
  return promise.finally(stop)
}

/**
 * For HTTP/2, Node bypasses the socket's events, and many types of frame cause no event at all. It does count the bytes.
 */
function watchBytes(socket: Socket, exceeded: (error: Error) => void): () => void {
  const timer = setInterval(() => {
    if (socket.bytesRead > maxBytes) exceeded(tooLarge(maxBytes))
  }, lookEveryMs)
  return () => clearInterval(timer)
}
