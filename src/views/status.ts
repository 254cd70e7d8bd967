/** Everything that is known, as JSON: the body of `/health`. Pure. */
import type { CheckFailure, CheckResult, Measurements, Phase, Status } from '../model/dependency.ts'
import type { Snapshot } from '../state/store.ts'
import { asOf, type DependencyState } from '../state/transition.ts'
import { type Readiness, summarize } from './health.ts'
import type { Verdict } from './probes.ts'

/** Times are ISO 8601 in UTC, durations are seconds. */
export interface StatusReport {
  /** `ok`, `degraded` or `unavailable`, as `/readyz` has it. */
  readonly status: Readiness['status']
  /** The status in words: `1 of 4 critical dependencies is down`. */
  readonly summary: string
  /** When the status began; null while shutting down, and without dependencies. */
  readonly since: string | null
  /** The moment of the report. */
  readonly at: string
  /** By name, in the order of the configuration. */
  readonly dependencies: Readonly<Record<string, DependencyReport>>
}

/** All that `/health` tells of one dependency. */
export interface DependencyReport {
  /** The name of its kind. */
  readonly kind: string
  /** What is asked, free of secrets. */
  readonly target: string
  /** The service is not ready without it. */
  readonly critical: boolean
  /** The user's labels. */
  readonly labels: Readonly<Record<string, string>>
  /** The settled verdict. */
  readonly status: Status
  /** When the status began. */
  readonly since: string
  /** Whether the last result is too old to count. */
  readonly stale: boolean
  /** The last completed check; null before the first. */
  readonly lastCheck: CheckReport | null
  /** When a check last succeeded; null if none has. */
  readonly lastSuccessAt: string | null
  /** The last failed check and what to do about it; null if none has failed. */
  readonly lastFailure: (FailureReport & AdviceReport) | null
  /** Null if nothing is scheduled. */
  readonly nextCheckAt: string | null
  /** Completed checks. */
  readonly checks: number
  /** Failed checks. */
  readonly failures: number
  /** Checks that were due and did not count, through our own fault. */
  readonly skipped: number
  /** Changes between up and down. */
  readonly transitions: number
}

/** The last check. */
export interface CheckReport {
  /** Whether it succeeded. */
  readonly ok: boolean
  /** When it ended. */
  readonly at: string
  /** From its start to its end. */
  readonly durationSeconds: number
  /** Time in each phase that it entered. */
  readonly phasesSeconds: Readonly<Partial<Record<Phase, number>>>
  /** What it measured, in base units. */
  readonly measurements: Measurements
  /** Why it failed; null if it succeeded. */
  readonly reason: string | null
  /** The most specific code there is; null if it succeeded. */
  readonly detail: string | null
  /** For people; null if it succeeded. */
  readonly message: string | null
}

/** A failed check. */
export interface FailureReport {
  /** When it ended. */
  readonly at: string
  /** Why it failed, from a closed set. */
  readonly reason: string
  /** The most specific code there is. */
  readonly detail: string
  /** For people. */
  readonly message: string
}

/** Null where nobody has declared the failure. */
export interface AdviceReport {
  /** What has happened. */
  readonly meaning: string | null
  /** What to do about it. */
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
  /** By name, in the order of the configuration; to be read once. */
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
