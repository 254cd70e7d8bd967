/** Clients that ask for something large, and do not read it. */
import type { Socket } from 'node:net'
import { type Attack, get, open, repeat } from './client.ts'

export interface PausedAttack extends Attack {
  /** Default: `/metrics`. */
  readonly path?: string
  /** Further header lines, each with its end. Default: none. */
  readonly headers?: string
  /** Kept open at once. Default: 300. */
  readonly readers?: number
  /** A reader is replaced after so long: it does not notice a cut, because it does not read. Default: never. */
  readonly renewMs?: number
}

/** @returns how many connections it made. */
export async function pauseReaders(attack: PausedAttack): Promise<number> {
  const { path = '/metrics', headers = '', readers = 300, renewMs = attack.durationMs } = attack
  const sockets = new Set<Socket>()
  let made = 0
  await repeat(attack, 50, () => {
    // A few at a time, so that the system's queue of new connections does not stand in the way.
    for (let i = 0; i < 20 && sockets.size < readers; i++) {
      const socket = open(attack, get(path, headers)).pause()
      made++
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      setTimeout(() => socket.destroy(), renewMs).unref()
    }
  })
  for (const socket of sockets) socket.destroy()
  return made
}
