/** Verdicts on the whole, for probes and in words: pure functions of a snapshot. */
import type { Status } from '../model/dependency.ts'
import type { Pulse, Snapshot } from '../state/store.ts'
import { asOf, type DependencyState, staleFrom, statusAt } from '../state/transition.ts'

/** One dependency as readiness sees it: a name and states, and nothing that tells where it is or why it fails. */
export interface ReadinessCheck {
  readonly status: Status
  readonly critical: boolean
}

export interface Readiness {
  /** `degraded` is ready as well: only what is not critical is missing. */
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

/** @param missingCritical how many critical dependencies are not up, and `missingOther` of the rest. */
export function overallStatus(missingCritical: number, missingOther: number): Readiness['status'] {
  if (missingCritical > 0) return 'unavailable'
  return missingOther > 0 ? 'degraded' : 'ok'
}

function readinessCheck(state: DependencyState, now: number): ReadinessCheck {
  return { status: statusAt(state, now), critical: state.dependency.critical }
}

/** Started means that every critical dependency has been up once. It is for good: the caller keeps the first true. */
export function hasStarted(snapshot: Snapshot): boolean {
  return snapshot.states.every(state => state.everUp || !state.dependency.critical)
}

/** No scheduler is declared dead sooner than this, in milliseconds. */
const minSilenceMs = 30_000

/**
 * How long no check may complete before the scheduler counts as dead: `max(3 × the shortest interval, 30 s)`, in
 * milliseconds. Infinity without dependencies, since nothing is due then.
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
 * Alive means that the scheduler turns: some check has completed within the limit, or none was due. It never looks at
 * what the checks said.
 *
 * @param stalledMs time since the last completed check in which our own loop stood still: after a suspension no check
 *   can have completed, and that is no reason to be restarted.
 * @param limitMs of `silenceLimitMs`.
 */
export function isAlive({ now, lastCompletedAt }: Pulse, stalledMs: number, limitMs: number): boolean {
  return now - lastCompletedAt - stalledMs <= limitMs
}

/** Monotonic time until which no status changes by age alone. */
export function freshUntil(snapshot: Snapshot): number {
  const limits = snapshot.states.map(staleFrom).filter(limit => limit !== undefined && limit >= snapshot.now)
  return limits.reduce(
    (soonest: number, limit = soonest) => Math.min(soonest, limit),
    Number.POSITIVE_INFINITY,
  )
}

/**
 * What is wrong, or that nothing is: `1 of 4 critical dependencies is down`. What keeps us from being ready comes first;
 * what only degrades is told after it.
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
