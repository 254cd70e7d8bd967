/** Answers to what never became a request that the routes could see. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Answer, plainAnswer } from './answer.ts'

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Answers a connection whose request could not be parsed or did not arrive in time, and closes it.
 *
 * @param answering an answer is on its way: nothing may be written into it.
 */
export function refuse(error: NodeJS.ErrnoException, socket: Duplex, answering: boolean): void {
  const code = error.code ?? ''
  const status = statuses[code] ?? (code.startsWith('HPE_') ? 400 : undefined)
  if (status === undefined || answering || !socket.writable) {
    socket.destroy()
    return
  }
  socket.end(message(plainAnswer(status, { connection: 'close' })), () => socket.destroy())
}

function message({ status, headers, body }: Answer): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
