/** HTTP servers on free loopback ports: real ones, and ones that answer with given bytes. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type ByteServer, listen, serve } from './net.ts'

export interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface HttpServer {
  readonly port: number
  readonly url: string
  /** All requests so far, bodies included. */
  readonly requests: readonly ReceivedRequest[]
  stop(): Promise<void>
}

/** A server that works; with TLS if certificates are given. The body of a request is read before it is answered. */
export async function serveHttp(
  answer: (request: ReceivedRequest, response: ServerResponse) => void,
  tls?: ServerOptions,
): Promise<HttpServer> {
  const requests: ReceivedRequest[] = []
  const listener: RequestListener = async (request, response) => {
    const { method = '', url = '', headers } = request
    const received = { method, url, headers, body: await text(request) }
    requests.push(received)
    answer(received, response)
  }
  const server: Server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.on('tlsClientError', () => {})
  const port = await listen(server)
  const stop = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { port, url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, requests, stop }
}

/** A server of bytes that waits for the end of a request's head, then does as told. */
export function serveAfterHead(talk: (socket: Socket) => void): Promise<ByteServer> {
  return serve(socket => {
    let head = ''
    const listen = (chunk: Buffer) => {
      head += chunk
      if (!head.includes('\r\n\r\n')) return
      socket.off('data', listen)
      talk(socket)
      socket.resume()
    }
    socket.on('data', listen)
  })
}
