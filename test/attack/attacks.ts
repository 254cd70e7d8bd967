/** Every attack by its name, and how many addresses it comes from. */
import { type AbortAttack, abortAnswers } from './aborts.ts'
import type { Attack } from './client.ts'
import { type DripAttack, sendSlowly } from './drips.ts'
import { guessPasswords, holdIdleConnections, openAndClose, scrapeInLoops } from './floods.ts'
import { type FuzzAttack, fuzz } from './fuzz.ts'
import { sendOddities } from './oddities.ts'
import { type PausedAttack, pauseReaders } from './paused-readers.ts'
import { pipelineRequests } from './pipelining.ts'
import { readSlowly } from './trickling-readers.ts'

interface Entry {
  readonly run: (attack: Attack & Partial<Omit<FuzzAttack, keyof Attack>>) => Promise<number>
  /** Addresses of 127.0.0.0/8 that it comes from. */
  readonly sources: number
}

const createPausedReaders = (options: Omit<PausedAttack, keyof Attack>) => (attack: Attack) =>
  pauseReaders({ ...attack, ...options, renewMs: 3_000 })
const createAborts = (options: Omit<AbortAttack, keyof Attack>) => (attack: Attack) =>
  abortAnswers({ ...attack, ...options, requests: Number.POSITIVE_INFINITY })
const createDrips = (of: NonNullable<DripAttack['of']>) => (attack: Attack) => sendSlowly({ ...attack, of })

/** In the order in which they are tried. */
export const attacks = {
  fuzz: { run: fuzz, sources: 200 },
  'malformed and foreign messages': { run: sendOddities, sources: 20 },
  'slow headers': { run: createDrips('headers'), sources: 50 },
  'slow bodies': { run: createDrips('body'), sources: 50 },
  pipelining: { run: pipelineRequests, sources: 4 },
  'paused readers of /metrics': { run: createPausedReaders({}), sources: 10 },
  'paused readers of /health': { run: createPausedReaders({ path: '/health' }), sources: 10 },
  'paused readers of /': { run: createPausedReaders({ path: '/' }), sources: 10 },
  'paused readers of /-/events': { run: createPausedReaders({ path: '/-/events' }), sources: 10 },
  'trickling readers': { run: readSlowly, sources: 10 },
  'aborted pages': { run: createAborts({}), sources: 10 },
  'aborted reports': { run: createAborts({ path: '/health', patienceMs: 5 }), sources: 10 },
  'idle connections, one address': { run: holdIdleConnections, sources: 1 },
  'idle connections, 2,500 addresses': { run: holdIdleConnections, sources: 2_500 },
  'connections opened and closed': { run: openAndClose, sources: 50 },
  'scrapes without a pause': { run: scrapeInLoops, sources: 1 },
} as const satisfies Readonly<Record<string, Entry>>

/** It needs a program that has users, so it has a run of its own. */
export const passwordAttack = {
  'wrong passwords': { run: guessPasswords, sources: 20 },
} as const satisfies Readonly<Record<string, Entry>>

export const allAttacks: Readonly<Record<string, Entry>> = { ...attacks, ...passwordAttack }

/** So many addresses of 127.0.0.0/8; every attack has others. */
export function sourcesOf(name: string): readonly string[] {
  const network = 16 + Object.keys(allAttacks).indexOf(name)
  const count = allAttacks[name]?.sources ?? 1
  return Array.from({ length: count }, (_, i) => `127.${network}.${Math.floor(i / 250)}.${1 + (i % 250)}`)
}
