/** The state of one dependency, and how an outcome changes it. Pure. */
import {
  type CheckFailure,
  type CheckOutcome,
  type CheckResult,
  type CheckSkipped,
  type Clock,
  type Dependency,
  type SkipCause,
  type Status,
  skipCauses,
  statuses,
} from '../model/dependency.ts'
import { type Reason, reasons } from '../model/failure.ts'

/** A moment on both clocks, in milliseconds. */
export interface Moment {
  /** Unix milliseconds. For showing only. */
  readonly at: number
  /** The same moment on the monotonic clock, for ages. */
  readonly monotonicAt: number
}

/** All that is known of a dependency. Immutable: every change makes a new value. */
export interface DependencyState {
  /** Its configuration. */
  readonly dependency: Dependency
  /** When counting began, in Unix milliseconds. */
  readonly createdAt: number
  /** As of the last outcome. Readers use `statusAt`, since a status can become stale by time alone. */
  readonly status: Status
  /** When the status began. */
  readonly since: Moment
  /** The number of equal results in a row, up to the last one. */
  readonly streak: number
  /** The last result; undefined before the first. */
  readonly last?: CheckResult
  /** The last failed check, however long ago. */
  readonly lastFailure?: CheckFailure
  /** The last successful check, however long ago. */
  readonly lastSuccess?: CheckResult
  /** It has been up at least once. */
  readonly everUp: boolean
  /** Completed checks. */
  readonly checks: number
  /** Failed checks by reason. */
  readonly failures: Readonly<Record<Reason, number>>
  /** Skipped checks by cause. */
  readonly skipped: Readonly<Record<SkipCause, number>>
  /** Changes between up and down, whether or not the status was unknown in between. */
  readonly transitions: number
  /** Milliseconds spent in each status, up to `countedTo`. */
  readonly statusMs: Readonly<Record<Status, number>>
  /** Monotonic time of the last outcome, or of the start. */
  readonly countedTo: number
  /** The last status that was not unknown. */
  readonly settled?: 'up' | 'down'
}

export function initialState(dependency: Dependency, clock: Clock): DependencyState {
  return {
    dependency,
    createdAt: clock.wall(),
    status: 'unknown',
    since: momentOf(clock),
    streak: 0,
    everUp: false,
    checks: 0,
    failures: zeros(reasons),
    skipped: zeros(skipCauses),
    transitions: 0,
    statusMs: zeros(statuses),
    countedTo: clock.now(),
  }
}

/** The same state with a changed configuration. */
export function reconfigure(state: DependencyState, dependency: Dependency): DependencyState {
  return { ...state, dependency }
}

/** The monotonic time after which the state is stale; undefined before the first result. */
export function staleFrom(state: DependencyState): number | undefined {
  return state.last === undefined ? undefined : state.last.monotonicAt + state.dependency.staleAfterMs
}

/** The status at a monotonic time. It is unknown if the last result is too old. */
export function statusAt(state: DependencyState, now: number): Status {
  const limit = staleFrom(state)
  return limit === undefined || now > limit ? 'unknown' : state.status
}

/** The state at a moment. If it is stale, its status is unknown since the time at which it became so. */
export function asOf(state: DependencyState, { at, monotonicAt }: Moment): DependencyState {
  const limit = staleFrom(state)
  if (limit === undefined || state.status === 'unknown' || monotonicAt <= limit) return state
  return {
    ...state,
    status: 'unknown',
    since: { at: at - (monotonicAt - limit), monotonicAt: limit },
    streak: 0,
  }
}

/** The state with the time in each status counted up to a monotonic moment. Time that is stale is unknown time. */
export function countTime(state: DependencyState, now: number): DependencyState {
  const { status, statusMs, countedTo } = state
  const elapsed = Math.max(0, now - countedTo)
  const stale = Math.min(elapsed, Math.max(0, now - (staleFrom(state) ?? now)))
  const counted = { ...statusMs, [status]: statusMs[status] + elapsed - stale }
  return { ...state, statusMs: { ...counted, unknown: counted.unknown + stale }, countedTo: now }
}

/** Whether the last result contradicts the status, so that it should be confirmed soon. */
export function isContradicted(state: DependencyState): boolean {
  return state.last !== undefined && state.status !== 'unknown' && state.last.ok !== (state.status === 'up')
}

/**
 * The state after an outcome. The first result settles the status, later ones have to reach their threshold.
 *
 * @param state as of the moment of the outcome: if it is stale, the result is a first one again.
 */
export function transition(state: DependencyState, outcome: CheckOutcome): DependencyState {
  return 'skipped' in outcome ? skip(state, outcome) : settle(state, outcome)
}

function skip(state: DependencyState, { skipped, count }: CheckSkipped): DependencyState {
  return { ...state, skipped: { ...state.skipped, [skipped]: state.skipped[skipped] + count } }
}

function settle(state: DependencyState, result: CheckResult): DependencyState {
  const { dependency } = state
  const streak = state.last?.ok === result.ok ? state.streak + 1 : 1
  const verdict = result.ok ? 'up' : 'down'
  const threshold = result.ok ? dependency.successThreshold : dependency.failureThreshold
  const status = state.status === 'unknown' || streak >= threshold ? verdict : state.status
  const turned = state.settled !== undefined && status !== state.settled
  return {
    ...state,
    ...(result.ok ? { lastSuccess: result } : { lastFailure: result }),
    last: result,
    status,
    since: status === state.status ? state.since : { at: result.at, monotonicAt: result.monotonicAt },
    streak,
    everUp: state.everUp || status === 'up',
    checks: state.checks + 1,
    failures: result.ok
      ? state.failures
      : { ...state.failures, [result.reason]: state.failures[result.reason] + 1 },
    transitions: state.transitions + (turned ? 1 : 0),
    settled: status,
  }
}

/** This moment. */
export function momentOf(clock: Clock): Moment {
  return { at: clock.wall(), monotonicAt: clock.now() }
}

function zeros<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map(key => [key, 0])) as Record<Key, number>
}
