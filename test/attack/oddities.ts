/** Messages that are wrong on purpose, each on a connection of its own: huge and many headers, other protocols, upgrades. */
import type { Socket } from 'node:net'
import { type Attack, get, keepOpen, open, repeat } from './client.ts'
import { foreign } from './corpus.ts'

const odd: readonly (string | Buffer)[] = [
  ...foreign,
  get('/healthz', `X-Long: ${'a'.repeat(70_000)}\r\n`),
  get(`/${'a'.repeat(70_000)}`),
  get('/healthz', 'X-Many: 1\r\n'.repeat(1_000)),
  get('/healthz', 'Cookie: a=b\r\n'.repeat(63)),
  get('/healthz', 'Host: other\r\n'.repeat(10)),
  get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAA\r\n'),
  get('/', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
  get('/healthz', 'Expect: 100-continue\r\n'),
  get('/healthz', 'Expect: 200-maybe\r\n'),
  get('/healthz', 'Transfer-Encoding: identity, chunked\r\n'),
  `POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n${'x'.repeat(100_000)}`,
]

/** @returns how many messages were sent. */
export async function sendOddities(attack: Attack): Promise<number> {
  const sockets = new Set<Socket>()
  let sent = 0
  await repeat(attack, 10, () => {
    keepOpen(sockets, 200, () => {
      const socket = open(attack, odd[sent++ % odd.length] ?? '')
      attack.answers?.read(socket)
      setTimeout(() => socket.resetAndDestroy(), 200)
      return socket
    })
  })
  for (const socket of sockets) socket.destroy()
  return sent
}
