/** What happens in the demo, one act after the other, each told in one line. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Monitor } from '../monitor.ts'
import { statusAt } from '../state/transition.ts'
import type { Actor } from './demo-actors.ts'
import { cause } from './table.ts'

/** An act goes on when the state has followed it, or after this long, in milliseconds. */
const patienceMs = 15_000
/** How often it looks, in milliseconds. */
const lookMs = 50

export interface Scene {
  readonly actors: readonly Actor[]
  readonly monitor: Monitor
  /** How long each act stays once the state shows it, in milliseconds. */
  readonly paceMs: number
  readonly over: AbortSignal
}

/** The first act: nobody has a trouble. @throws AbortError when the end comes. */
export async function playWell(scene: Scene): Promise<void> {
  const absent = scene.actors.filter(({ remedy }) => remedy !== undefined).map(({ name }) => name)
  say(absent.length === 0 ? 'all is well' : `all is well, but for ${absent.join(' and ')}`)
  await stay(scene)
}

/** Each trouble in turn, one at a time; then all is well again. @throws AbortError when the end comes. */
export async function playRound(scene: Scene): Promise<void> {
  for (const actor of scene.actors) {
    const { trouble } = actor
    if (trouble === undefined) continue
    trouble.begin()
    say(trouble.act)
    await stay(scene, actor)
    trouble.end()
  }
  await playWell(scene)
}

/** Lines about the state, as it follows. Until the process ends. */
export function tellChanges(monitor: Monitor): void {
  monitor.state.subscribe({
    changed({ dependency, status, last }, previous) {
      if (previous === undefined || previous.status === status) return
      const why = status === 'down' && last?.ok === false ? ` (${cause(last)})` : ''
      const { status: verdict } = monitor.probes.readiness()
      say(
        `  ${dependency.name} is ${status}${why}; /readyz ${verdict === 'unavailable' ? 503 : 200} ${verdict}`,
      )
    },
  })
}

/** One line with the time of day. */
export function say(text: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}

/** Waits until the troubled and the absent are down and all others up, or that takes too long; then for the pace. */
async function stay({ actors, monitor, paceMs, over }: Scene, troubled?: Actor): Promise<void> {
  const down = new Set(actors.filter(actor => actor === troubled || actor.remedy).map(({ name }) => name))
  const shown = () => {
    const { states, now } = monitor.state.snapshot()
    return states.every(state => statusAt(state, now) === (down.has(state.dependency.name) ? 'down' : 'up'))
  }
  const limit = performance.now() + patienceMs
  while (!shown() && performance.now() < limit) await sleep(lookMs, undefined, { signal: over })
  await sleep(paceMs, undefined, { signal: over })
}
