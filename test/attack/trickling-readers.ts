/** Clients that ask for something large and read it a few bytes at a time, so that they never stand still. */
import type { Socket } from 'node:net'
import { type Attack, get, keepOpen, open, repeat } from './client.ts'

export interface TrickleAttack extends Attack {
  /** Default: the scrape, the report, the page and its events. */
  readonly paths?: readonly string[]
  /** Kept open at once; one that is cut is replaced. Default: 400. */
  readonly readers?: number
  /** Read at once, in bytes. Default: 1,024. */
  readonly bytes?: number
}

/** @returns how many connections it made. */
export async function readSlowly(attack: TrickleAttack): Promise<number> {
  const { paths = ['/metrics', '/health', '/', '/-/events'], readers = 400, bytes = 1_024 } = attack
  const sockets = new Set<Socket>()
  let made = 0
  await repeat(attack, 200, () => {
    for (const socket of sockets) socket.resume()
    made += keepOpen(sockets, readers, () => {
      const path = paths[made % paths.length] ?? '/'
      // A callback that returns false stops reading until the next turn.
      const socket = open(attack, get(path), { buffer: Buffer.alloc(bytes), callback: () => false })
      return socket
    })
  })
  for (const socket of sockets) socket.destroy()
  return made
}
