/** Answers as ready bytes, and the headers that every answer carries. */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** Not imported: an import takes all that node:http exports, and so loads node:tls, node:http2 and Node's own fetch. */
const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** A complete answer, built once and sent often. Text rather than bytes: Node writes it together with the headers. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The same headers in the form that `response.writeHead` takes fastest: names and values alternating. */
  readonly headerList: string[]
  readonly body: string
}

/** No cache may keep an answer, and no browser may guess another type for it. */
export const everyAnswer = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const

export const mediaTypes = {
  json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
} as const

export function answer(
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const all = {
    ...everyAnswer,
    ...headers,
    'content-type': contentType,
    'content-length': String(Buffer.byteLength(body)),
  }
  return { status, headers: all, headerList: Object.entries(all).flat(), body }
}

/** An answer that repeats its status and nothing else: neither the request nor what went wrong internally. */
export function plainAnswer(status: number, headers?: Readonly<Record<string, string>>): Answer {
  return answer(status, mediaTypes.text, `${status} ${STATUS_CODES[status] ?? 'Error'}\n`, headers)
}

export function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

/** Sends without Fastify. */
export function sendRaw(response: ServerResponse, { status, headerList, body }: Answer): void {
  response.writeHead(status, headerList).end(body)
}

/** Writes to a connection whose request Node could not parse, so that there is no response object, and closes it. */
export function sendToSocket(socket: Duplex, { status, headers, body }: Answer): void {
  const fields = Object.entries({ ...headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  const message = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('')}\r\n${body}`
  socket.end(message, () => socket.destroy())
}
