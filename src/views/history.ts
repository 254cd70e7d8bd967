/** The recent checks of every dependency, for people: bounded, and gone with the process. */
import type { CheckFailure, CheckResult } from '../model/dependency.ts'
import type { StateReader } from '../state/store.ts'

/** One check of the past. */
export interface PastCheck {
  /** Wall time of completion, in Unix milliseconds. */
  readonly at: number
  readonly ok: boolean
  readonly durationMs: number
}

export interface DependencyHistory {
  /** The last checks, oldest first. */
  checks(): readonly PastCheck[]
  /** The last failures, newest first: they stay when many good checks have followed. */
  readonly failures: readonly CheckFailure[]
}

export interface History {
  of(name: string): DependencyHistory | undefined
}

/** At the default interval of 15 seconds: the last quarter of an hour. */
export const keptChecks = 60
export const keptFailures = 10

/** Listens to the state for as long as that lives. */
export function createHistory(state: StateReader): History {
  const kept = new Map<string, Ring>()
  state.subscribe({
    changed({ dependency: { name } }, previous, outcome) {
      const ring = kept.get(name) ?? createRing()
      if (previous === undefined) kept.set(name, ring)
      if (outcome !== undefined && !('skipped' in outcome)) ring.add(outcome)
    },
    removed: ({ dependency }) => void kept.delete(dependency.name),
  })
  return { of: name => kept.get(name) }
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
