/** What happens in the demo: one act after another, each printed as one line. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Monitor } from '../monitor.ts'
import { statusAt } from '../state/transition.ts'
import { describeCause } from '../views/status.ts'
import type { Actor } from './cast.ts'

/** An act moves on when the state shows it, or after this long, in milliseconds. */
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

/** Plays the first act, in which nothing is wrong. @throws AbortError at the end of the demo. */
export async function playOpening(scene: Scene): Promise<void> {
  const absent = scene.actors.filter(({ remedy }) => remedy !== undefined).map(({ name }) => name)
  printLine(absent.length === 0 ? 'all is well' : `all is well except ${absent.join(' and ')}`)
  await stay(scene)
}

/** Plays each trouble in turn, and then the opening again. @throws AbortError at the end of the demo. */
export async function playRound(scene: Scene): Promise<void> {
  for (const actor of scene.actors) {
    const { trouble } = actor
    if (trouble === undefined) continue
    trouble.begin()
    printLine(trouble.act)
    await stay(scene, actor)
    trouble.end()
  }
  await playOpening(scene)
}

/** Prints a line for each change of the state until the process exits. */
export function printChanges(monitor: Monitor): void {
  monitor.state.subscribe({
    changed({ dependency, status, last }, previous) {
      if (previous === undefined || previous.status === status) return
      const why = status === 'down' && last?.ok === false ? ` (${describeCause(last)})` : ''
      const { status: verdict } = monitor.probes.readiness()
      const code = verdict === 'unavailable' ? 503 : 200
      printLine(`  ${dependency.name} is ${status}${why}; /readyz ${code} ${verdict}`)
    },
  })
}

/** Prints one line with the time of day. */
function printLine(text: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}

/** Waits until the troubled and the absent are down and all others up, within the patience; then for the pace. */
async function stay({ actors, monitor, paceMs, over }: Scene, troubled?: Actor): Promise<void> {
  const down = new Set(actors.filter(actor => actor === troubled || actor.remedy).map(({ name }) => name))
  const isShown = () => {
    const { states, now } = monitor.state.snapshot()
    return states.every(state => statusAt(state, now) === (down.has(state.dependency.name) ? 'down' : 'up'))
  }
  const limit = performance.now() + patienceMs
  while (!isShown() && performance.now() < limit) await sleep(lookMs, undefined, { signal: over })
  await sleep(paceMs, undefined, { signal: over })
}
