/**
 * What the status page shows: everything at first, then what has changed since a cursor that the reader keeps; with the
 * recent checks of every dependency, which are bounded and end with the process.
 */
import type { CheckFailure, CheckResult } from '../model/dependency.ts'
import type { StateReader } from '../state/store.ts'
import type { Probes, Verdict } from './probes.ts'
import {
  type DependencyReport,
  dependencyReport,
  type FailureReport,
  failureReport,
  type NextCheckAt,
  overview,
  type StatusReport,
} from './status.ts'

/** A dependency on the status page: its report, and its recent checks. */
export interface BoardRow extends DependencyReport {
  /** Its name in the configuration. */
  readonly name: string
  /** The durations of the last checks in milliseconds, oldest first. Those of failed checks are negative; none is 0. */
  readonly recent: readonly number[]
  /** When the first of these checks ended, ISO 8601. */
  readonly recentSince: string | null
  /** Newest first. */
  readonly recentFailures: readonly FailureReport[]
}

/** What has changed since a cursor. */
export interface BoardChanges extends Omit<StatusReport, 'dependencies'> {
  /** Whether the monitor is shutting down. */
  readonly draining: boolean
  /** Where to continue reading. */
  readonly cursor: number
  /** Whether there is already more after `cursor`. */
  readonly more: boolean
  /** Dependencies that have changed. */
  readonly rows: readonly BoardRow[]
  /** All names in the order of the configuration, if the list or its order has changed since the reader's cursor. */
  readonly names?: readonly string[] | undefined
}

/** All that the status page shows, for readers that keep up with it. */
export interface Board {
  /** @param since the cursor of the previous answer; 0 for everything. */
  changes(since: number, maxRows: number): BoardChanges
}

interface BoardOptions {
  readonly state: StateReader
  readonly probes: Pick<Probes, 'readiness'>
  readonly nextCheckAt?: NextCheckAt
}

export function createBoard({ state, probes, nextCheckAt = () => undefined }: BoardOptions): Board {
  const historyOf = createHistory(state)
  // The number of each dependency's last change, in the order of the changes.
  const changedAt = new Map<string, number>()
  /** Of replacements that nobody has read yet. */
  const untouched = new Set<string>()
  let counter = 0
  let membersAt = 0
  let seen: Verdict | undefined
  const touch = (name: string) => {
    changedAt.delete(name)
    changedAt.set(name, ++counter)
  }
  state.subscribe({
    changed({ dependency }, _previous, outcome) {
      touch(dependency.name)
      if (outcome === undefined) membersAt = counter
    },
    removed({ dependency }) {
      changedAt.delete(dependency.name)
      membersAt = ++counter
    },
    replaced({ forgotten, changed }) {
      for (const name of forgotten) changedAt.delete(name)
      for (const name of changed) untouched.add(name)
      membersAt = ++counter
    },
  })

  function touchReplaced(): void {
    for (const name of untouched) if (state.get(name) !== undefined) touch(name)
    if (untouched.size > 0) membersAt = counter
    untouched.clear()
  }

  /** Marks statuses that have become stale by time alone as changed. */
  function touchStale(): Verdict {
    const before = seen
    const verdict = probes.readiness()
    seen = verdict
    if (before === verdict || before === undefined) return verdict
    for (const [name, { status }] of verdict.checks) {
      const known = before.checks.get(name)?.status
      if (status === 'unknown' && known !== undefined && known !== status) touch(name)
    }
    return verdict
  }

  return {
    changes(since, maxRows) {
      touchReplaced()
      const verdict = touchStale()
      const snapshot = state.snapshot()
      const names: string[] = []
      let cursor = since
      let more = false
      for (const [name, number] of changedAt) {
        if (number <= since) continue
        more = names.length === maxRows
        if (more) break
        names.push(name)
        cursor = number
      }
      if (!more) cursor = counter
      const rows = names.flatMap(name => {
        const known = state.get(name)
        if (known === undefined) return []
        return [
          { name, ...dependencyReport(known, snapshot, nextCheckAt), ...reportHistory(historyOf(name)) },
        ]
      })
      const members = since < membersAt && cursor >= membersAt
      return {
        ...overview(snapshot, verdict),
        draining: verdict.draining,
        cursor,
        more,
        rows,
        names: members ? snapshot.states.map(({ dependency }) => dependency.name) : undefined,
      }
    },
  }
}

function reportHistory(
  history: DependencyHistory | undefined,
): Pick<BoardRow, 'recent' | 'recentSince' | 'recentFailures'> {
  const checks = history?.checks() ?? []
  const tenths = checks.map(({ ok, durationMs }) => {
    const rounded = Math.max(0.1, Math.round(10 * durationMs) / 10)
    return ok ? rounded : -rounded
  })
  const [first] = checks
  return {
    recent: tenths,
    recentSince: first === undefined ? null : new Date(first.at).toISOString(),
    recentFailures: history?.failures.map(failureReport) ?? [],
  }
}

/** A past check. */
interface PastCheck {
  /** Wall time of completion, in Unix milliseconds. */
  readonly at: number
  readonly ok: boolean
  readonly durationMs: number
}

interface DependencyHistory {
  /** The last checks, oldest first. */
  checks(): readonly PastCheck[]
  /** The last failures, newest first. They stay however many successful checks follow. */
  readonly failures: readonly CheckFailure[]
}

/** At the default interval of 15 seconds, a quarter of an hour. */
export const keptChecks = 60
export const keptFailures = 10

/** Keeps the recent checks of every dependency. Returns a function that reads them. */
function createHistory(state: StateReader): (name: string) => DependencyHistory | undefined {
  const kept = new Map<string, Ring>()
  state.subscribe({
    changed({ dependency: { name } }, _previous, outcome) {
      if (outcome === undefined || 'skipped' in outcome) return
      const ring = kept.get(name) ?? createRing()
      kept.set(name, ring)
      ring.add(outcome)
    },
    removed: ({ dependency }) => void kept.delete(dependency.name),
    replaced({ forgotten }) {
      for (const name of forgotten) kept.delete(name)
    },
  })
  return name => kept.get(name)
}

interface Ring extends DependencyHistory {
  add(result: CheckResult): void
}

/** One typed array for each dependency, three numbers for each check: 15 MB for 10,000 dependencies, and no garbage. */
function createRing(): Ring {
  const numbers = new Float64Array(3 * keptChecks)
  let failures: readonly CheckFailure[] = []
  let added = 0
  const past = (index: number): PastCheck => {
    const from = 3 * (index % keptChecks)
    return { at: numbers[from] ?? 0, ok: numbers[from + 1] === 1, durationMs: numbers[from + 2] ?? 0 }
  }
  return {
    add(result) {
      numbers.set([result.at, Number(result.ok), result.durationMs], 3 * (added++ % keptChecks))
      if (!result.ok) failures = [result, ...failures].slice(0, keptFailures)
    },
    checks() {
      const length = Math.min(added, keptChecks)
      return Array.from({ length }, (_, i) => past(added - length + i))
    },
    get failures() {
      return failures
    },
  }
}
