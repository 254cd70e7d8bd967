/** Verdicts on the whole, for probes and in words: pure functions of a snapshot. */
import type { Status } from '../model/dependency.ts'
import type { Pulse, Snapshot } from '../state/store.ts'
import { type DependencyState, staleFrom, statusAt } from '../state/transition.ts'

/** A dependency as readiness sees it, without anything that shows where it is or why it fails. */
export interface ReadinessCheck {
  /** Its status at the moment of the verdict. */
  readonly status: Status
  /** The service is not ready without it. */
  readonly critical: boolean
}

/** Whether the whole is ready, and what it depends on. */
export interface Readiness {
  /** `degraded` is ready as well: only dependencies that are not critical are missing. */
  readonly status: 'ok' | 'degraded' | 'unavailable'
  /** Whether the monitor is shutting down, which makes it not ready. */
  readonly draining: boolean
  /** By name, in the order of the configuration. */
  readonly checks: ReadonlyMap<string, ReadinessCheck>
}

/** Ready means that every critical dependency is up and we are not draining. Unknown is not up. */
export function readiness({ states, now }: Snapshot, draining: boolean): Readiness {
  const checks = new Map<string, ReadinessCheck>()
  for (const state of states) checks.set(state.dependency.name, readinessCheck(state, now))
  return readinessOf(checks, draining)
}

/** The verdict on these checks. */
export function readinessOf(checks: Readiness['checks'], draining: boolean): Readiness {
  let critical = 0
  let others = 0
  for (const check of checks.values()) {
    if (check.status === 'up') continue
    if (check.critical) critical++
    else others++
  }
  const status = draining ? 'unavailable' : overallStatus(critical, others)
  return { status, draining, checks }
}

/** @param missingCritical the number of critical dependencies that are not up; `missingOther` counts the others. */
export function overallStatus(missingCritical: number, missingOther: number): Readiness['status'] {
  if (missingCritical > 0) return 'unavailable'
  return missingOther > 0 ? 'degraded' : 'ok'
}

function readinessCheck(state: DependencyState, now: number): ReadinessCheck {
  const status = statusAt(state, now)
  return state.dependency.critical ? criticalChecks[status] : otherChecks[status]
}

/** Ten thousand dependencies share these few values, so that a verdict on all of them makes little garbage. */
const criticalChecks = checksOf(true)
const otherChecks = checksOf(false)

function checksOf(critical: boolean): Readonly<Record<Status, ReadinessCheck>> {
  const unknown = Object.freeze({ status: 'unknown', critical } as const)
  const up = Object.freeze({ status: 'up', critical } as const)
  return { unknown, up, down: Object.freeze({ status: 'down', critical } as const) }
}

/** Whether every critical dependency has been up once. The caller keeps the first true for good. */
export function hasStarted(snapshot: Snapshot): boolean {
  return snapshot.states.every(state => state.everUp || !state.dependency.critical)
}

/** No scheduler is considered dead sooner than this, in milliseconds. */
const minSilenceMs = 30_000

/**
 * How long the scheduler may go without completing a check before it is considered dead, in milliseconds:
 * `max(3 × the shortest interval, 30 s)`. Infinity without dependencies, since nothing is due then.
 */
export function silenceLimitMs({ states }: Snapshot): number {
  if (states.length === 0) return Number.POSITIVE_INFINITY
  const shortest = states.reduce(
    (least, { dependency }) => Math.min(least, dependency.intervalMs),
    Number.POSITIVE_INFINITY,
  )
  return Math.max(3 * shortest, minSilenceMs)
}

/**
 * Whether the scheduler is running: a check has completed within the limit, or none was due. The results do not matter.
 *
 * @param stalledMs how long our own event loop has stood still since the last completed check. After a suspension no
 *   check can have completed, and that is no reason for a restart.
 * @param limitMs of `silenceLimitMs`.
 */
export function isAlive({ now, lastCompletedAt }: Pulse, stalledMs: number, limitMs: number): boolean {
  return now - lastCompletedAt - stalledMs <= limitMs
}

/** The monotonic time until which no status becomes stale. */
export function freshUntil(snapshot: Snapshot): number {
  let soonest = Number.POSITIVE_INFINITY
  for (const state of snapshot.states) {
    const limit = staleFrom(state)
    if (limit !== undefined && limit >= snapshot.now && limit < soonest) soonest = limit
  }
  return soonest
}

/**
 * Says what is wrong, if anything: `1 of 4 critical dependencies is down`. What prevents readiness comes first, what only
 * degrades it second.
 */
export function summarize({ states, now }: Snapshot, draining: boolean): string {
  const critical = { total: 0, down: 0, unknown: 0 }
  const others = { total: 0, down: 0, unknown: 0 }
  for (const state of states) {
    const tally = state.dependency.critical ? critical : others
    const status = statusAt(state, now)
    tally.total++
    if (status !== 'up') tally[status]++
  }
  const faults = [...describeMissing(critical, 'critical'), ...describeMissing(others, 'non-critical')]
  if (draining) return ['shutting down', ...faults].join('; ')
  if (states.length === 0) return 'there are no dependencies'
  if (faults.length > 0) return faults.join('; ')
  return states.length === 1 ? 'the only dependency is up' : `all ${states.length} dependencies are up`
}

interface Tally {
  readonly total: number
  readonly down: number
  readonly unknown: number
}

/** `2 of 4 critical dependencies are down, 1 is unknown`; nothing if all are up. */
function describeMissing({ total, down, unknown }: Tally, sort: string): readonly string[] {
  const noun = total === 1 ? 'dependency' : 'dependencies'
  const of = `of ${total} ${sort} ${noun}`
  if (down === 0) return unknown === 0 ? [] : [`${unknown} ${of} ${be(unknown)} unknown`]
  const first = `${down} ${of} ${be(down)} down`
  return [unknown === 0 ? first : `${first}, ${unknown} ${be(unknown)} unknown`]
}

function be(count: number): string {
  return count === 1 ? 'is' : 'are'
}
