/** The checks of one dependency, one after another: its grid, its confirmations and its skipped ticks. */
import { createHash } from 'node:crypto'
import type { CheckOutcome, Dependency, DependencyDefinition, SkipCause } from '../model/dependency.ts'
import { type AskOptions, createAsker } from './ask.ts'
import type { Run } from './run.ts'
import type { Claim, Slots } from './slots.ts'

export interface Timetable {
  /** @param startedAt the monotonic time at which the grid begins. */
  start(startedAt: number): void
  /** Resolves when the checker has returned and is closed. */
  stop(): Promise<void>
  nextAt(): number | undefined
}

/** What the checks of all dependencies share. */
export interface Shared extends AskOptions {
  readonly slots: Slots
  /** Takes every outcome. Returns true if it contradicts the settled status, so that it is confirmed soon. */
  readonly report: (dependency: Dependency, outcome: CheckOutcome) => boolean
  /** Takes how late each check started, in milliseconds after its planned time. */
  readonly lag?: (ms: number) => void
}

/** A check from the moment it is due until its checker has returned. */
interface Busy {
  /** When the check was due. */
  at: number
  /** It runs outside the grid, as a first check or a confirmation, and serves a tick that falls into it. */
  extra: boolean
  /** It had to wait for a slot. */
  delayed: boolean
  claim?: Claim
  /** Missing while it waits for a slot. */
  run?: Run | undefined
  /** Its outcome is known, so it no longer serves a tick, although the checker may not have returned. */
  reported: boolean
}

/** The first checks of all dependencies are spread over at most this. */
const maxSpreadMs = 1_000
/** A tick that comes later than this was overtaken by a stall. Its check is spread again. */
const maxLateMs = 1_000

export function createTimetable(definition: DependencyDefinition, shared: Shared): Timetable {
  const { clock, slots, report } = shared
  const { dependency } = definition
  const { name, intervalMs, timeoutMs, confirmIntervalMs } = dependency
  const share = fractionOf(name)
  const asker = createAsker(definition, shared)
  let origin = 0
  let open = false
  let next: { at: number; cancel: () => void } | undefined
  let busy: Busy | undefined
  let hangs = false
  let usualMs = 0

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
    else meet(busy, at, extra)
  }
  /** One check serves everything that falls due while it waits or runs. A tick without a check of its own is counted. */
  const meet = (busy: Busy, at: number, extra: boolean) => {
    const isWaiting = busy.run === undefined
    if (busy.extra ? busy.reported : !(isWaiting && extra)) skip(busy.delayed ? 'overload' : 'overlap', 1)
    if (!isWaiting) return
    busy.at = at
    busy.extra &&= extra
  }
  /** After a long stall, counts the ticks that fell into it and plans one check soon, spread over all dependencies. */
  const overtaken = (late: number) => {
    const missed = Math.floor(late / intervalMs)
    shared.lag?.(late)
    if (missed > 0) skip('lag', missed)
    plan(clock.now() + spreadMs(share, intervalMs), true)
  }
  const begin = (at: number, extra: boolean) => {
    const mine: Busy = { at, extra, delayed: false, reported: false }
    busy = mine
    wait(mine, 0)
  }
  const wait = (mine: Busy, gaveWay: number) => {
    const claim: Claim = {
      hangs,
      gaveWay,
      usualMs,
      start: () => ask(mine, claim),
      giveWay: () => mine.run?.abort(),
    }
    mine.claim = claim
    mine.reported = false
    slots.take(claim)
    if (mine.run === undefined) mine.delayed = true
  }
  const ask = (mine: Busy, claim: Claim) => {
    shared.lag?.(Math.max(0, clock.now() - mine.at))
    const under = asker.ask()
    mine.run = under
    let gaveWay = false
    under.outcome.then(outcome => {
      gaveWay = isAborted(outcome)
      mine.reported = true
      slots.release(claim)
      if (open && !gaveWay) completed(outcome)
    })
    under.settled.then(() => {
      if (!open || !gaveWay) busy = undefined
      else {
        mine.run = undefined
        wait(mine, claim.gaveWay + 1)
      }
    })
  }
  const completed = (outcome: CheckOutcome) => {
    learn(outcome)
    const confirmAt = clock.now() + confirmIntervalMs
    if (report(dependency, outcome) && open && (next === undefined || confirmAt < next.at))
      plan(confirmAt, true)
  }
  /** A skipped check says nothing about how long the dependency takes. */
  const learn = (outcome: CheckOutcome) => {
    if ('skipped' in outcome) return
    hangs = !outcome.ok && outcome.durationMs >= timeoutMs
    if (outcome.ok) usualMs = outcome.durationMs
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
      if (busy?.claim !== undefined) slots.leave(busy.claim)
      busy?.run?.abort()
      await busy?.run?.settled
      await asker.close()
    },
    nextAt: () => next?.at,
  }
}

function isAborted(outcome: CheckOutcome): boolean {
  return 'skipped' in outcome && outcome.count === 0
}

/** A number in [0, 1) that depends only on the name: the same after a restart, and evenly distributed over many names. */
export function fractionOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32
}

/** The delay of a first check, or of the first check after a long stall. */
export function spreadMs(fraction: number, intervalMs: number): number {
  return fraction * Math.min(intervalMs, maxSpreadMs)
}

/**
 * The first tick later than `after` on the dependency's own grid: `startedAt + (fraction + k) × interval`.
 *
 * The quotient only says where to look. If `after` is itself a tick, it may round to either side of a whole number, so
 * ticks are compared directly, each computed from its own number `k`.
 */
export function nextTick(fraction: number, intervalMs: number, startedAt: number, after: number): number {
  const origin = startedAt + fraction * intervalMs
  let k = Math.floor((after - origin) / intervalMs)
  while (origin + k * intervalMs <= after) k++
  return origin + k * intervalMs
}
