/** Everything that is known, as JSON: the body of `/health`. Pure. */
import type { CheckFailure, CheckResult, Measurements, Phase, Status } from '../model/dependency.ts'
import type { Snapshot } from '../state/store.ts'
import { asOf, type DependencyState } from '../state/transition.ts'
import { type Readiness, summarize } from './health.ts'
import type { Verdict } from './probes.ts'

/** Times are ISO 8601 in UTC, durations are seconds. */
export interface StatusReport {
  readonly status: Readiness['status']
  /** The status in words: `1 of 4 critical dependencies is down`. */
  readonly summary: string
  /** When the status began; null while shutting down, and without dependencies. */
  readonly since: string | null
  readonly at: string
  readonly dependencies: Readonly<Record<string, DependencyReport>>
}

export interface DependencyReport {
  readonly kind: string
  readonly target: string
  readonly critical: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly status: Status
  readonly since: string
  /** Whether the last result is too old to count. */
  readonly stale: boolean
  readonly lastCheck: CheckReport | null
  readonly lastSuccessAt: string | null
  readonly lastFailure: (FailureReport & AdviceReport) | null
  /** Null if nothing is scheduled. */
  readonly nextCheckAt: string | null
  readonly checks: number
  readonly failures: number
  readonly skipped: number
  readonly transitions: number
}

export interface CheckReport {
  readonly ok: boolean
  readonly at: string
  readonly durationSeconds: number
  readonly phasesSeconds: Readonly<Partial<Record<Phase, number>>>
  readonly measurements: Measurements
  readonly reason: string | null
  readonly detail: string | null
  readonly message: string | null
}

export interface FailureReport {
  readonly at: string
  readonly reason: string
  readonly detail: string
  readonly message: string
}

/** Null where nobody has declared the failure. */
export interface AdviceReport {
  readonly meaning: string | null
  readonly remedy: string | null
}

/** Monotonic time of the next planned check of a dependency. */
export type NextCheckAt = (name: string) => number | undefined

/**
 * @param verdict on the snapshot.
 * @param nextCheckAt left out if nothing is scheduled.
 */
export function statusReport(
  snapshot: Snapshot,
  verdict: Verdict,
  nextCheckAt: NextCheckAt = () => undefined,
): StatusReport {
  return wholeReport(statusParts(snapshot, verdict, nextCheckAt))
}

export function wholeReport(parts: StatusParts): StatusReport {
  return { ...parts, dependencies: Object.fromEntries(parts.dependencies) }
}

/** A report whose dependencies are made when they are read, as they were at its moment: for readers that take their time. */
export interface StatusParts extends Omit<StatusReport, 'dependencies'> {
  readonly dependencies: Iterable<readonly [name: string, report: DependencyReport]>
}

export function statusParts(
  snapshot: Snapshot,
  verdict: Verdict,
  nextCheckAt: NextCheckAt = () => undefined,
): StatusParts {
  function* dependencies(): Generator<readonly [string, DependencyReport]> {
    for (const state of snapshot.states)
      yield [state.dependency.name, dependencyReport(state, snapshot, nextCheckAt)]
  }
  return { ...overview(snapshot, verdict), dependencies: dependencies() }
}

/** The report without its dependencies. The verdict is on this snapshot. */
export function overview(
  snapshot: Snapshot,
  { status, draining, since }: Pick<Verdict, 'status' | 'draining' | 'since'>,
): Omit<StatusReport, 'dependencies'> {
  return {
    status,
    summary: summarize(snapshot, draining),
    since: since === undefined ? null : iso(since),
    at: iso(snapshot.at),
  }
}

/** One dependency at the moment of a snapshot. */
export function dependencyReport(
  recorded: DependencyState,
  { at, now }: Pick<Snapshot, 'at' | 'now'>,
  nextCheckAt: NextCheckAt,
): DependencyReport {
  const state = asOf(recorded, { at, monotonicAt: now })
  const { dependency, status, last, lastSuccess, lastFailure } = state
  const next = nextCheckAt(dependency.name)
  return {
    kind: dependency.kind,
    target: dependency.target,
    critical: dependency.critical,
    labels: dependency.labels,
    status,
    since: iso(state.since.at),
    stale: status === 'unknown' && last !== undefined,
    lastCheck: last === undefined ? null : checkReport(last),
    lastSuccessAt: lastSuccess === undefined ? null : iso(lastSuccess.at),
    lastFailure:
      lastFailure === undefined ? null : { ...failureReport(lastFailure), ...adviceReport(lastFailure) },
    nextCheckAt: next === undefined ? null : iso(at + next - now),
    checks: state.checks,
    failures: sum(state.failures),
    skipped: sum(state.skipped),
    transitions: state.transitions,
  }
}

function checkReport(result: CheckResult): CheckReport {
  const phases = Object.entries(result.phases).map(([phase, ms]) => [phase, seconds(ms)])
  return {
    ok: result.ok,
    at: iso(result.at),
    durationSeconds: seconds(result.durationMs),
    phasesSeconds: Object.fromEntries(phases),
    measurements: result.measurements,
    reason: result.ok ? null : result.reason,
    detail: result.ok ? null : result.detail,
    message: result.ok ? null : result.message,
  }
}

/** A failure for people. */
export function failureReport({ at, reason, detail, message }: CheckFailure): FailureReport {
  return { at: iso(at), reason, detail, message }
}

function adviceReport({ advice }: CheckFailure): AdviceReport {
  return { meaning: advice?.meaning ?? null, remedy: advice?.remedy ?? null }
}

/** `connection_error/ECONNREFUSED`, or the reason alone if the detail is the same. */
export function describeCause({ reason, detail }: Pick<CheckReport, 'reason' | 'detail'>): string {
  return [...new Set([reason, detail])].filter(Boolean).join('/')
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString()
}

/** Seconds, rounded to microseconds. */
function seconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000_000
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
