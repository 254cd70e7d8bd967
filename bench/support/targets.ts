/** What is checked, in a process of its own: an HTTP service and a TCP port that accepts. Says its ports. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'

export interface Ports {
  readonly http: number
  readonly tcp: number
}

async function portOf(server: Server): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

process.send?.({
  http: await portOf(createHttpServer((_request, response) => response.end('{"status":"ok"}'))),
  tcp: await portOf(createServer(socket => socket.on('error', () => {}).resume())),
} satisfies Ports)
process.on('disconnect', () => process.exit())
