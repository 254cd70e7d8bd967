/** When to check: every dependency at its own fixed rate, never over itself, never in a burst. */
import type { DependencyDefinition } from '../model/definition.ts'
import { createStalls, type TimerClock } from './clock.ts'
import { createSlots } from './slots.ts'
import { createTimetable, type Shared, type Timetable } from './timetable.ts'

export interface SchedulerOptions extends Omit<Shared, 'slots' | 'stalls'> {
  /** Checks at the same time, over all dependencies. */
  readonly maxConcurrentChecks: number
}

export interface Scheduler {
  /** Begins to check, at once if started. A dependency of the same name is replaced. */
  add(definition: DependencyDefinition): void
  /** What was added last under a name, until it is removed. */
  get(name: string): DependencyDefinition | undefined
  /** Ends the checks of a dependency; one under way is aborted and not reported. */
  remove(name: string): void
  start(): void
  /** Ends all checks, and waits a moment for checkers to let go. May be called twice. */
  stop(): Promise<void>
  /** Checks under way. */
  inFlight(): number
  /** Monotonic time of the next planned check of a dependency. */
  nextCheckAt(name: string): number | undefined
  /** Milliseconds in which our own loop stood still. */
  stalledMs(): number
}

/** A checker gets this long to come back after its abort when the scheduler stops. */
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
      for (const timetable of timetables.values()) timetable.start(startedAt)
    },
    async stop() {
      shared.stalls.stop()
      for (const name of [...timetables.keys()]) end(name)
      await atMost(Promise.all(leaving), clock)
    },
    inFlight: () => shared.slots.used,
    nextCheckAt: name => timetables.get(name)?.nextAt(),
    stalledMs: () => shared.stalls.total(),
  }
}

/** Waits for the work, but not for ever; leaves no timer. */
async function atMost(work: Promise<unknown>, clock: TimerClock): Promise<void> {
  let cancel = () => {}
  const limit = new Promise<void>(resolve => {
    cancel = clock.at(clock.now() + stopGraceMs, resolve)
  })
  await Promise.race([work, limit])
  cancel()
}
