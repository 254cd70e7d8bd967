/** Random and mutated requests, several on each connection, from a seed that repeats them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, open } from './client.ts'
import { createFuzzCase, type FuzzCase } from './fuzz-case.ts'

export interface FuzzAttack extends Attack {
  /** Default: 1. */
  readonly seed?: number
  /** In all; fewer if the time is over before. Default: 1,000,000. */
  readonly requests?: number
  /** Connections at once. Default: 64. */
  readonly connections?: number
}

/** No case takes longer, whatever the server makes of it. */
const patienceMs = 300
/** After such a silence nothing more is expected. To end before that would make the server drop what it has not answered. */
const quietMs = 20

/** @returns how many requests were sent. */
export async function fuzz(attack: FuzzAttack): Promise<number> {
  const { seed = 1, requests = 1_000_000, connections = 64, durationMs } = attack
  const end = performance.now() + durationMs
  let [sent, number] = [0, 0]

  async function client(): Promise<void> {
    while (sent < requests && performance.now() < end) {
      const next = createFuzzCase(seed, number++)
      sent += next.requests
      await talk(attack, next)
    }
  }
  await Promise.all(Array.from({ length: connections }, client))
  return sent
}

/** One connection, from its first byte to its end. */
async function talk(attack: Attack, { pieces, end }: FuzzCase): Promise<void> {
  const socket = open(attack, '')
  const closed = new Promise(resolve => socket.once('close', resolve))
  if (attack.answers === undefined) socket.resume()
  else attack.answers.read(socket)
  const limit = setTimeout(() => socket.destroy(), patienceMs)
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await sleep(2)
    socket.write(piece)
  }
  if (end === 'reset') socket.once('connect', () => socket.resetAndDestroy())
  else if (end === 'at once') socket.end()
  else {
    const quiet = setTimeout(() => socket.end(), quietMs)
    socket.on('data', () => quiet.refresh())
    void closed.then(() => clearTimeout(quiet))
  }
  await closed
  clearTimeout(limit)
}
