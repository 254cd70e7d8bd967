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

export interface BoardRow extends DependencyReport {
  readonly name: string
  /** Milliseconds that the last checks took, oldest first; those that failed are negative, and never 0. */
  readonly recent: readonly number[]
  /** When the first of those ended, ISO 8601. */
  readonly recentSince: string | null
  /** Newest first. */
  readonly recentFailures: readonly FailureReport[]
}

export interface BoardChanges extends Omit<StatusReport, 'dependencies'> {
  readonly draining: boolean
  /** Where to read on from. */
  readonly cursor: number
  /** There is more after `cursor`, right now. */
  readonly more: boolean
  readonly rows: readonly BoardRow[]
  /** All names in the order of the configuration, if dependencies came or went since the cursor of the question. */
  readonly names?: readonly string[] | undefined
}

export interface Board {
  /** @param since the cursor of the answer before; 0 for all there is. */
  changes(since: number, maxRows: number): BoardChanges
}

export interface BoardOptions {
  readonly state: StateReader
  readonly probes: Pick<Probes, 'readiness'>
  readonly nextCheckAt?: NextCheckAt
}

export function createBoard({ state, probes, nextCheckAt = () => undefined }: BoardOptions): Board {
  const historyOf = createHistory(state)
  // The number of the last change of each dependency, in the order of these changes.
  const changedAt = new Map<string, number>()
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
    reordered() {
      membersAt = ++counter
    },
  })

  /** A status that grew stale has changed by time alone. */
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

/** One check of the past. */
interface PastCheck {
  /** Wall time of completion, in Unix milliseconds. */
  readonly at: number
  readonly ok: boolean
  readonly durationMs: number
}

interface DependencyHistory {
  /** The last checks, oldest first. */
  checks(): readonly PastCheck[]
  /** The last failures, newest first: they stay when many good checks have followed. */
  readonly failures: readonly CheckFailure[]
}

/** At the default interval of 15 seconds: the last quarter of an hour. */
export const keptChecks = 60
export const keptFailures = 10

/** Keeps the past of every dependency that the state knows. Returns what reads it. */
function createHistory(state: StateReader): (name: string) => DependencyHistory | undefined {
  const kept = new Map<string, Ring>()
  state.subscribe({
    changed({ dependency: { name } }, previous, outcome) {
      const ring = kept.get(name) ?? createRing()
      if (previous === undefined) kept.set(name, ring)
      if (outcome !== undefined && !('skipped' in outcome)) ring.add(outcome)
    },
    removed: ({ dependency }) => void kept.delete(dependency.name),
  })
  return name => kept.get(name)
}

interface Ring extends DependencyHistory {
  add(result: CheckResult): void
}

/** One typed array a dependency, three numbers a check: ten thousand dependencies take 15 MB, and no garbage. */
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
