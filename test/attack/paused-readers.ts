/** Clients that ask for something large, and do not read it. */
import type { Socket } from 'node:net'
import { type Attack, get, open, repeat } from './client.ts'

export interface PausedAttack extends Attack {
  /** Default: `/metrics`. */
  readonly path?: string
  /** Further header lines, each with its end. Default: none. */
  readonly headers?: string
  /** Kept open at once; a connection that is cut is replaced. Default: 300. */
  readonly readers?: number
}

/** @returns how many of its connections were cut. */
export async function pausedReaders(attack: PausedAttack): Promise<number> {
  const { path = '/metrics', headers = '', readers = 300 } = attack
  const sockets = new Set<Socket>()
  let cut = 0
  await repeat(attack, 50, () => {
    // Who does not read notices a reset only by writing; a blank line before a request means nothing.
    for (const socket of sockets) socket.write('\r\n')
    // A few at a time, so that the system's queue of new connections does not stand in the way.
    for (let i = 0; i < 20 && sockets.size < readers; i++) {
      const socket = open(attack, get(path, headers)).pause()
      sockets.add(socket)
      socket.once('close', () => {
        cut++
        sockets.delete(socket)
      })
    }
  })
  for (const socket of sockets) socket.removeAllListeners('close').destroy()
  return cut
}
