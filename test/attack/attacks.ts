/** Every attack by its name, and how many addresses it comes from. */
import { type AbortAttack, aborts } from './aborts.ts'
import type { Attack } from './client.ts'
import { type DripAttack, drips } from './drips.ts'
import { connectionStorm, idleConnections, scrapes, wrongPasswords } from './floods.ts'
import { type FuzzAttack, fuzz } from './fuzz.ts'
import { oddities } from './oddities.ts'
import { type PausedAttack, pausedReaders } from './paused-readers.ts'
import { pipelining } from './pipelining.ts'
import { tricklingReaders } from './trickling-readers.ts'

interface Entry {
  readonly run: (attack: Attack & Partial<Omit<FuzzAttack, keyof Attack>>) => Promise<number>
  /** Addresses of 127.0.0.0/8 that it comes from. */
  readonly sources: number
}

const paused = (options: Omit<PausedAttack, keyof Attack>) => (attack: Attack) =>
  pausedReaders({ ...attack, ...options, renewMs: 3_000 })
const aborted = (options: Omit<AbortAttack, keyof Attack>) => (attack: Attack) =>
  aborts({ ...attack, ...options, requests: Number.POSITIVE_INFINITY })
const dripped = (of: NonNullable<DripAttack['of']>) => (attack: Attack) => drips({ ...attack, of })

/** In the order in which they are tried. */
export const attacks = {
  fuzz: { run: fuzz, sources: 200 },
  'malformed and foreign messages': { run: oddities, sources: 20 },
  'slow headers': { run: dripped('headers'), sources: 50 },
  'slow bodies': { run: dripped('body'), sources: 50 },
  pipelining: { run: pipelining, sources: 4 },
  'paused readers of /metrics': { run: paused({}), sources: 10 },
  'paused readers of /health': { run: paused({ path: '/health' }), sources: 10 },
  'paused readers of /': { run: paused({ path: '/' }), sources: 10 },
  'paused readers of /-/events': { run: paused({ path: '/-/events' }), sources: 10 },
  'trickling readers': { run: tricklingReaders, sources: 10 },
  'aborted pages': { run: aborted({}), sources: 10 },
  'aborted reports': { run: aborted({ path: '/health', patienceMs: 5 }), sources: 10 },
  'idle connections, one address': { run: idleConnections, sources: 1 },
  'idle connections, 2,500 addresses': { run: idleConnections, sources: 2_500 },
  'connections opened and closed': { run: connectionStorm, sources: 50 },
  'scrapes without a pause': { run: scrapes, sources: 1 },
} as const satisfies Readonly<Record<string, Entry>>

/** It needs a program that has users, so it has a run of its own. */
export const passwordAttack = {
  'wrong passwords': { run: wrongPasswords, sources: 20 },
} as const satisfies Readonly<Record<string, Entry>>

export const allAttacks: Readonly<Record<string, Entry>> = { ...attacks, ...passwordAttack }

/** So many addresses of 127.0.0.0/8; every attack has others. */
export function sourcesOf(name: string): readonly string[] {
  const network = 16 + Object.keys(allAttacks).indexOf(name)
  const count = allAttacks[name]?.sources ?? 1
  return Array.from({ length: count }, (_, i) => `127.${network}.${Math.floor(i / 250)}.${1 + (i % 250)}`)
}
