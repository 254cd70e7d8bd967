/** One request and its answer over a connection that is already there: the home of undici. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { Client, errors } from 'undici'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { closedEarly } from '../shared/connect.ts'
import { createSink, type Sink } from './body.ts'
import { tolerateContinue } from './interim.ts'

/** More than these of headers, in bytes, is not an answer. */
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

export interface Reading {
  /** Whether the body of an answer with this status is read. */
  readonly wanted: (status: number) => boolean
  /** The most that is read of a body, in bytes, encoded and decoded alike. */
  readonly maxBodyBytes: number
}

/**
 * Sends the request and reads the answer: all of its body if it is wanted, so that an answer that was cut off does
 * not pass for a whole one. The connection is of no further use; the caller destroys it, which also ends an exchange
 * under way and leaves undici nothing to hold. Time is not limited here: undici's own limits are on gaps between bytes, which a slow drip never breaks.
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
    // The first error says why; undici reports the last. A TLS alert is followed by the end of the connection.
    let first: Error | undefined
    socket.once('error', error => {
      first = error
    })
    client.dispatch(
      { path, method, headers, reset: true, ...(body !== undefined && { body }) },
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

/** A connector that gives out this connection once: a request that lost it is not sent again. */
function handOver(socket: Socket): Client.Options['connect'] & object {
  let given = false
  return (_options: unknown, done: (...result: [null, Socket] | [Error, null]) => void) => {
    const result: Parameters<typeof done> = given ? [closedEarly(), null] : [null, socket]
    given = true
    queueMicrotask(() => done(...result))
  }
}

/**
 * What an error of undici stands for. Its codes alone do not tell: UND_ERR_SOCKET is a connection that ended and
 * an answer that nobody asked for ("bad response", "bad upgrade"); a parser error, which has no code, is nonsense,
 * or an answer cut off by the end of the connection; and some nonsense only fails an assertion.
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
