/** Requests that cost work, from clients that leave as soon as they have asked. */
import { type Attack, get, open, repeat } from './client.ts'

export interface AbortAttack extends Attack {
  /** Default: `/`, the page. Each request asks for a different view of it. */
  readonly path?: string
  /** Requests in all. Default: 200. */
  readonly requests?: number
  /** From a request to its abort. Default: 20 ms. */
  readonly patienceMs?: number
}

/** @returns how many requests were made. */
export async function abortAnswers(attack: AbortAttack): Promise<number> {
  const { path = '/', requests = 200, patienceMs = 20 } = attack
  let made = 0
  await repeat(attack, 10, () => {
    for (let i = 0; i < 4 && made < requests; i++) {
      const socket = open(attack, get(`${path}?q=${made++}`)).pause()
      setTimeout(() => socket.resetAndDestroy(), patienceMs)
    }
  })
  return made
}
