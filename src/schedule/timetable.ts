/** The checks of one dependency, one after the other: its grid, its confirmations, its skipped ticks. */
import type { Checker, CheckOutcome, Dependency, SkipCause } from '../dependency.ts'
import { fraction, nextTick, spreadMs } from './grid.ts'
import { type Run, run } from './run.ts'
import type { SchedulerOptions } from './scheduler.ts'
import type { Slots } from './slots.ts'
import type { Stalls } from './stalls.ts'

export interface Timetable {
  /** @param startedAt monotonic origin of the grid. */
  start(startedAt: number): void
  /** Resolves when the checker has let go. */
  stop(): Promise<void>
  nextAt(): number | undefined
}

type Shared = SchedulerOptions & { readonly slots: Slots; readonly stalls: Stalls }

/** A check from the moment it is due until its checker has come back. */
interface Busy {
  /** It runs beside the grid (a first check, a confirmation), and serves a tick that falls into it. */
  readonly extra: boolean
  leaveQueue(): boolean
  run?: Run
  reported?: boolean
}

/** A tick that comes later than this was overtaken by a stall; its check is spread anew. */
const maxLateMs = 1_000

export function createTimetable(dependency: Dependency, shared: Shared): Timetable {
  const { clock, slots, stalls, report } = shared
  const { name, intervalMs, timeoutMs, confirmIntervalMs, redact } = dependency
  const share = fraction(name)
  const checker: Checker = dependency.open(shared.resolve)
  let origin = 0
  let open = false
  let next: { at: number; cancel: () => void } | undefined
  let busy: Busy | undefined
  let hangs = false

  const plan = (at: number, extra: boolean) => {
    next?.cancel()
    next = { at, cancel: clock.at(at, () => due(at, extra)) }
  }
  const planTick = (after: number) => plan(nextTick(share, intervalMs, origin, after), false)
  const skip = (skipped: SkipCause, count: number) => report(dependency, { skipped, count })

  const due = (at: number, extra: boolean) => {
    const late = clock.now() - at
    if (!extra && late >= Math.min(intervalMs, maxLateMs)) return overtaken(late)
    planTick(Math.max(at, clock.now()))
    if (busy === undefined) begin(at, extra)
    else if (busy.leaveQueue()) queuedTooLong(at, extra)
    else if (busy.reported || !busy.extra) skip('overlap', 1)
  }
  /** A long stall: what fell into it is counted, and one check comes soon, spread over all dependencies. */
  const overtaken = (late: number) => {
    const missed = Math.floor(late / intervalMs)
    shared.lag?.(late)
    if (missed > 0) skip('lag', missed)
    plan(clock.now() + spreadMs(share, intervalMs), true)
  }
  const queuedTooLong = (at: number, extra: boolean) => {
    busy = undefined
    skip('overload', 1)
    begin(at, extra)
  }
  const begin = (at: number, extra: boolean) => {
    const hanging = hangs
    const mine: Busy = { extra, leaveQueue: () => false }
    busy = mine
    mine.leaveQueue = slots.take(hanging, () => {
      shared.lag?.(Math.max(0, clock.now() - at))
      mine.run = run(checker, { timeoutMs, redact, clock, stalls })
      mine.run.outcome.then(outcome => {
        mine.reported = true
        slots.release(hanging)
        if (open) completed(outcome)
      })
      mine.run.settled.then(() => {
        busy = undefined
      })
    })
  }
  const completed = (outcome: CheckOutcome) => {
    hangs = !('skipped' in outcome) && !outcome.ok && outcome.durationMs >= timeoutMs
    const confirmAt = clock.now() + confirmIntervalMs
    if (report(dependency, outcome) && open && (next === undefined || confirmAt < next.at))
      plan(confirmAt, true)
  }

  return {
    start(startedAt) {
      origin = startedAt
      open = true
      plan(startedAt + spreadMs(share, intervalMs), true)
    },
    async stop() {
      open = false
      next?.cancel()
      next = undefined
      busy?.leaveQueue()
      busy?.run?.abort()
      await busy?.run?.settled
      await checker.close?.()
    },
    nextAt: () => next?.at,
  }
}
