/** When to check: each dependency at its own fixed rate, one check of it at a time, and never in bursts. */
import type { DependencyDefinition } from '../model/dependency.ts'
import { createStalls, type TimerClock } from './clock.ts'
import { createSlots } from './slots.ts'
import { createTimetable, type Shared, type Timetable } from './timetable.ts'

interface SchedulerOptions extends Omit<Shared, 'slots' | 'stalls'> {
  /** The most checks in progress at a time, over all dependencies. */
  readonly maxConcurrentChecks: number
}

export interface Scheduler {
  /** Adds a dependency, or replaces the one of the same name. Checks begin at once if the scheduler has started. */
  add(definition: DependencyDefinition): void
  /** The definition that was last added under a name and not removed since. */
  get(name: string): DependencyDefinition | undefined
  /** Ends the checks of a dependency. A check in progress is aborted and not reported. */
  remove(name: string): void
  /** Also after a stop. */
  start(): void
  /** Ends all checks, and waits a moment for the checkers to return. May be called twice. */
  stop(): Promise<void>
  /** The number of checks in progress. */
  inFlight(): number
  /** Monotonic time of the next planned check of a dependency. */
  nextCheckAt(name: string): number | undefined
  /** Milliseconds for which our own event loop has stood still. */
  stalledMs(): number
}

/** How long a checker may take to return after its abort when the scheduler stops. */
const stopGraceMs = 500

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock } = options
  const shared = {
    ...options,
    slots: createSlots(options.maxConcurrentChecks, clock),
    stalls: createStalls(clock),
  }
  const definitions = new Map<string, DependencyDefinition>()
  const timetables = new Map<string, Timetable>()
  const leaving = new Set<Promise<void>>()
  let startedAt: number | undefined
  const end = (name: string) => {
    const timetable = timetables.get(name)
    if (timetable === undefined) return
    timetables.delete(name)
    const left = timetable.stop().finally(() => leaving.delete(left))
    leaving.add(left)
  }
  return {
    add(definition) {
      const { name } = definition.dependency
      end(name)
      const timetable = createTimetable(definition, shared)
      definitions.set(name, definition)
      timetables.set(name, timetable)
      if (startedAt !== undefined) timetable.start(clock.now())
    },
    get: name => definitions.get(name),
    remove(name) {
      definitions.delete(name)
      end(name)
    },
    start() {
      if (startedAt !== undefined) return
      startedAt = clock.now()
      shared.stalls.start()
      for (const [name, definition] of definitions) {
        const timetable = timetables.get(name) ?? createTimetable(definition, shared)
        timetables.set(name, timetable)
        timetable.start(startedAt)
      }
    },
    async stop() {
      startedAt = undefined
      shared.stalls.stop()
      for (const name of [...timetables.keys()]) end(name)
      await atMost(Promise.all(leaving), clock)
    },
    inFlight: () => shared.slots.used,
    nextCheckAt: name => timetables.get(name)?.nextAt(),
    stalledMs: () => shared.stalls.total(),
  }
}

/** Waits for the work, but only so long. Leaves no timer behind. */
async function atMost(work: Promise<unknown>, clock: TimerClock): Promise<void> {
  let cancel = () => {}
  const limit = new Promise<void>(resolve => {
    cancel = clock.at(clock.now() + stopGraceMs, resolve)
  })
  await Promise.race([work, limit])
  cancel()
}
