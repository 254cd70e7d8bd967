/** One request and its answer over an established connection. This is the only file that uses undici. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { Client, errors } from 'undici'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { closedEarly } from '../shared/socket.ts'
import { createSink, type Sink } from './body.ts'

/** Limit of the headers of an answer, in bytes. */
const maxHeaderSize = 16 * 1024

export interface Request {
  readonly url: URL
  readonly method: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Decoded. Undefined if it was not read. */
  readonly body?: Buffer
}

interface Reading {
  /** Whether the body of an answer with this status is read. */
  readonly wanted: (status: number) => boolean
  /** Limit of the body in bytes, both encoded and decoded. */
  readonly maxBodyBytes: number
}

/**
 * Sends the request and reads the answer, with all of its body if that is wanted, so that a truncated answer does not pass
 * for a complete one. The connection cannot be used again; the caller destroys it, which also ends an exchange in progress
 * and leaves undici nothing to hold. Time is not limited here: undici's own limits apply to gaps between bytes, which a
 * slow drip never exceeds.
 *
 * @throws CheckError, the error of the socket, or an error of undici with its code (`UND_ERR_...`).
 */
export function exchange(
  socket: Socket,
  request: Request,
  reading: Reading,
  context: CheckContext,
): Promise<Answer> {
  const { url, method, headers, body } = request
  tolerateContinue(socket)
  const client = new Client(url.origin, {
    connect: handOver(socket),
    maxHeaderSize,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const path = `${url.pathname}${url.search}`
  context.enter('request')
  let sink: Sink | undefined
  const answered = new Promise<Answer>((resolve, reject) => {
    let begun = false
    // The first error is the cause; undici reports the last. A TLS alert is followed by the end of the connection.
    let first: Error | undefined
    socket.once('error', error => {
      first = error
    })
    client.dispatch(
      { path, method, headers, reset: true, body: body ?? null },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, headers) {
          if (status < 200) return
          begun = true
          context.enter('transfer')
          context.measure('status_code', status)
          if (!reading.wanted(status)) return resolve({ status, headers })
          const outcome = { whole: (body: Buffer) => resolve({ status, headers, body }), failed: reject }
          sink = createSink(method === 'HEAD' ? {} : headers, reading.maxBodyBytes, outcome)
        },
        // Never paused: undici throws out of the `close` event of a socket that is destroyed while paused.
        onResponseData: (_controller, chunk) => sink?.write(chunk),
        onResponseEnd: () => sink?.end(),
        onResponseError: (_controller, error) =>
          reject(nameError(first ?? error, begun, socket.readableEnded)),
      },
    )
  })
  return answered.finally(() => sink?.destroy())
}

/** Returns a connector that provides this connection once, so that a request which loses it is not sent again. */
function handOver(socket: Socket): Client.Options['connect'] & object {
  let given = false
  return (_options: unknown, done: (...result: [null, Socket] | [Error, null]) => void) => {
    const result: Parameters<typeof done> = given ? [closedEarly(), null] : [null, socket]
    given = true
    queueMicrotask(() => done(...result))
  }
}

/**
 * Names the failure behind an error of undici, whose codes alone do not tell. UND_ERR_SOCKET means that the connection
 * ended, or that an unexpected answer arrived ("bad response", "bad upgrade"). A parser error, which has no code, means
 * that the input is not HTTP, or that the end of the connection cut the answer off. Some invalid input only fails an
 * assertion.
 */
function nameError(error: Error & { code?: unknown }, begun: boolean, ended: boolean): Error {
  const { code, message } = error
  const unparsable = error instanceof errors.HTTPParserError
  if (code === 'UND_ERR_SOCKET' && message.startsWith('bad '))
    return protocolError(
      'protocol_error',
      'the server sent something other than an answer to the request',
      error,
    )
  if (code === 'UND_ERR_SOCKET' || (begun && ended && (unparsable || code === lengthMismatch)))
    return closedEarly(begun ? 'before the end of its answer' : undefined)
  if (unparsable) return protocolError('protocol_error', message, error)
  if (code === 'ERR_ASSERTION') return protocolError('protocol_error', 'the server broke the protocol', error)
  if (code === headersOverflow)
    return protocolError(headersOverflow, `the headers of the answer exceed ${maxHeaderSize} bytes`, error)
  return error
}

const lengthMismatch = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
const headersOverflow = 'UND_ERR_HEADERS_OVERFLOW'

function protocolError(detail: string, message: string, cause: Error): CheckError {
  return new CheckError('protocol_error', detail, message, { cause })
}

const [cr, lf, zero, one, two] = [0x0d, 0x0a, 0x30, 0x31, 0x32]
/** Where the status begins in `HTTP/1.1 100 Continue`: RFC 9112, section 4. */
const statusColumn = 9

/**
 * Tolerates a `100 Continue` that the request did not ask for, which a client must ignore (RFC 9110, section 15.2).
 * undici 7 closes the connection on one, but ignores every other interim answer. So a 100 becomes a 102 before undici
 * reads it. Nothing else is changed, and nothing is inspected once the final answer has begun.
 *
 * Call it before undici has the socket. A `data` listener sees each chunk before `read()` returns it; pausing keeps the
 * listener from starting the flow of data.
 */
function tolerateContinue(socket: Socket): void {
  const rewrite = createRewriter()
  const listen = (chunk: Buffer) => {
    if (rewrite(chunk)) socket.off('data', listen)
  }
  socket.pause().on('data', listen)
}

/** Rewrites interim answers in place, chunk by chunk; true once the final answer has begun. */
function createRewriter(): (chunk: Buffer) => boolean {
  let inStatusLine = true
  let column = 0
  let zeros = 0
  return chunk => {
    for (const [at, byte] of chunk.entries()) {
      if (inStatusLine && column === statusColumn && byte !== one) return true
      if (inStatusLine && column > statusColumn && byte === zero) zeros++
      if (inStatusLine && column === statusColumn + 2 && zeros === 2) chunk[at] = two
      if (byte === lf) {
        inStatusLine = column === 0
        column = zeros = 0
      } else if (byte !== cr) column++
    }
    return false
  }
}
