/** What the status page shows, whole at first and then what has changed: one cursor, which any number of readers keep. */
import type { StateReader } from '../state/store.ts'
import type { Readiness } from './health.ts'
import { createHistory, type DependencyHistory } from './history.ts'
import type { Probes } from './probes.ts'
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
  readonly names?: readonly string[]
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
  const history = createHistory(state)
  // The number of the last change of each dependency, in the order of these changes.
  const changedAt = new Map<string, number>()
  let counter = 0
  let membersAt = 0
  let seen: Readiness | undefined
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
  function touchStale(): Readiness {
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
        return [{ name, ...dependencyReport(known, snapshot, nextCheckAt), ...recent(history.of(name)) }]
      })
      const members = since < membersAt && cursor >= membersAt
      return {
        ...overview(snapshot, verdict),
        draining: verdict.draining,
        cursor,
        more,
        rows,
        ...(members && { names: snapshot.states.map(({ dependency }) => dependency.name) }),
      }
    },
  }
}

function recent(
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
