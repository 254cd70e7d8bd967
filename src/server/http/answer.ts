/** Answers as ready bytes, and the headers that every answer carries. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'

/** A whole answer, made once and sent often. Text and not bytes: Node writes it in one piece with the headers. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The same headers as `response.writeHead` takes them fastest: names and values in turn. */
  readonly headerList: string[]
  readonly body: string
}

/** Nothing here may be kept by a cache, or taken for another type than it says. */
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

/** An answer that says only what its status says: nothing of the request, nothing of what went wrong inside. */
export function plainAnswer(status: number, headers?: Readonly<Record<string, string>>): Answer {
  return answer(status, mediaTypes.text, `${status} ${STATUS_CODES[status] ?? 'Error'}\n`, headers)
}

export function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

/** The same without Fastify. */
export function sendRaw(response: ServerResponse, { status, headerList, body }: Answer): void {
  response.writeHead(status, headerList).end(body)
}
