/** Loopback servers of bytes: what a hostile or broken peer does. */

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

export interface ByteServer {
  readonly port: number
  /** Connections open now. */
  readonly open: ReadonlySet<Socket>
  /** Connections accepted so far. */
  readonly accepted: () => number
  close(): Promise<void>
}

/** Listens on a free loopback port; `talk` gets every connection. */
export async function serve(talk: (socket: Socket) => void): Promise<ByteServer> {
  const open = new Set<Socket>()
  let accepted = 0
  const server = createServer({ allowHalfOpen: true }, socket => {
    accepted++
    open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
    socket.once('end', () => socket.end())
    socket.resume()
    talk(socket)
  })
  const port = await listen(server)
  const close = async () => {
    for (const socket of open) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port, open, accepted: () => accepted, close }
}

/** Writes as long and as fast as the peer reads. */
export function flood(socket: Socket): void {
  const piece = Buffer.alloc(16 * 1024, 'x')
  const writeMore = () => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('drain', writeMore)
  writeMore()
}

/** Starts any server on a free loopback port. */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A loopback port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until the condition holds, by turns of the loop; fails loudly after the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
