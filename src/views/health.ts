/** Verdicts on the whole, for probes and in words: pure functions of a snapshot. */
import type { Status } from '../model/dependency.ts'
import type { Pulse, Snapshot } from '../state/store.ts'
import { asOf, type DependencyState, staleFrom, statusAt } from '../state/transition.ts'

/** A dependency as readiness sees it, without anything that shows where it is or why it fails. */
export interface ReadinessCheck {
  readonly status: Status
  readonly critical: boolean
}

export interface Readiness {
  /** `degraded` is ready as well: only dependencies that are not critical are missing. */
  readonly status: 'ok' | 'degraded' | 'unavailable'
  readonly draining: boolean
  /** By name, in the order of the configuration. */
  readonly checks: ReadonlyMap<string, ReadinessCheck>
}

/** Ready means that every critical dependency is up and we are not draining. Unknown is not up. */
export function readiness({ states, now }: Snapshot, draining: boolean): Readiness {
  const checks = states.map(state => [state.dependency.name, readinessCheck(state, now)] as const)
  return readinessOf(new Map(checks), draining)
}

/** The verdict on these checks. */
export function readinessOf(checks: Readiness['checks'], draining: boolean): Readiness {
  const missing = [...checks.values()].filter(check => check.status !== 'up')
  const critical = missing.filter(check => check.critical).length
  const status = draining ? 'unavailable' : overallStatus(critical, missing.length - critical)
  return { status, draining, checks }
}

/** @param missingCritical the number of critical dependencies that are not up; `missingOther` counts the others. */
export function overallStatus(missingCritical: number, missingOther: number): Readiness['status'] {
  if (missingCritical > 0) return 'unavailable'
  return missingOther > 0 ? 'degraded' : 'ok'
}

function readinessCheck(state: DependencyState, now: number): ReadinessCheck {
  return { status: statusAt(state, now), critical: state.dependency.critical }
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
  const limits = snapshot.states.map(staleFrom).filter(limit => limit !== undefined && limit >= snapshot.now)
  return limits.reduce(
    (soonest: number, limit = soonest) => Math.min(soonest, limit),
    Number.POSITIVE_INFINITY,
  )
}

/**
 * Says what is wrong, if anything: `1 of 4 critical dependencies is down`. What prevents readiness comes first, what only
 * degrades it second.
 */
export function summarize({ states, at, now }: Snapshot, draining: boolean): string {
  const present = states.map(state => asOf(state, { at, monotonicAt: now }))
  const [critical, others] = [present.filter(isCritical), present.filter(state => !isCritical(state))]
  const [missing, degrading] = [critical.filter(isMissing), others.filter(isMissing)]
  const faults = [
    ...(missing.length > 0 ? [describeMissing(missing, critical.length, 'critical')] : []),
    ...(degrading.length > 0 ? [describeMissing(degrading, others.length, 'non-critical')] : []),
  ]
  if (draining) return ['shutting down', ...faults].join('; ')
  if (present.length === 0) return 'there are no dependencies'
  if (faults.length > 0) return faults.join('; ')
  return present.length === 1 ? 'the only dependency is up' : `all ${present.length} dependencies are up`
}

/** `2 of 4 critical dependencies are down, 1 is unknown` */
function describeMissing(missing: readonly DependencyState[], total: number, sort: string): string {
  const down = missing.filter(({ status }) => status === 'down').length
  const unknown = missing.length - down
  const noun = total === 1 ? 'dependency' : 'dependencies'
  const of = `of ${total} ${sort} ${noun}`
  if (down === 0) return `${unknown} ${of} ${be(unknown)} unknown`
  const first = `${down} ${of} ${be(down)} down`
  return unknown === 0 ? first : `${first}, ${unknown} ${be(unknown)} unknown`
}

function be(count: number): string {
  return count === 1 ? 'is' : 'are'
}

function isCritical({ dependency }: DependencyState): boolean {
  return dependency.critical
}

function isMissing({ status }: DependencyState): boolean {
  return status !== 'up'
}
