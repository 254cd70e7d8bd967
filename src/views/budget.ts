/** The number of series of a configuration, which does not depend on what the servers answer. */

import { countSeries } from '../exposition/family.ts'
import { createHistogram } from '../exposition/histogram.ts'
import {
  type CheckFailure,
  type CheckSuccess,
  type Clock,
  type Dependency,
  phases,
  tlsNotAfter,
} from '../model/dependency.ts'
import { initialState, transition } from '../state/transition.ts'
import { dependencyFamilies, measurementFamilies } from './families.ts'
import type { DurationBuckets } from './metrics.ts'

interface KindBudget {
  readonly kind: string
  readonly dependencies: number
  /** The most series that one dependency of this kind can have. */
  readonly seriesEach: number
}

export interface Budget {
  add(dependency: Dependency): void
  /** The most series that all of them can have, by kind, the largest first. */
  byKind(): readonly KindBudget[]
}

export function createBudget({ buckets }: DurationBuckets): Budget {
  const counts = new Map<string, number>()
  /** What a dependency measures, which a kind says once for all of its own, and its objectives alone make a difference. */
  const shapes = new Map<string, Dependency>()
  return {
    add(dependency) {
      const { kind, measurementHelp, slo, latencySloMs } = dependency
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      const names = Object.keys(measurementHelp).join()
      shapes.set(`${kind} ${names} ${slo === undefined} ${latencySloMs === undefined}`, dependency)
    },
    byKind() {
      const seriesEach = new Map<string, number>()
      for (const dependency of shapes.values()) {
        const { kind } = dependency
        seriesEach.set(kind, Math.max(seriesEach.get(kind) ?? 0, seriesOf(dependency, buckets)))
      }
      const budgets = [...counts].map(([kind, dependencies]) => ({
        kind,
        dependencies,
        seriesEach: seriesEach.get(kind) ?? 0,
      }))
      return budgets.sort((a, b) => total(b) - total(a))
    },
  }
}

/** Describes an exceeded budget in one line that names the largest kinds; undefined if it is not exceeded. */
export function overBudget(budgets: readonly KindBudget[], maxSeries: number): string | undefined {
  const sum = budgets.reduce((sum, budget) => sum + total(budget), 0)
  if (sum <= maxSeries) return undefined
  const largest = budgets.slice(0, 3).map(budget => {
    const { kind, dependencies, seriesEach } = budget
    return `${kind} ${total(budget)} (${dependencies} dependencies of ${seriesEach} series)`
  })
  return `${sum} series are more than server.maxSeries ${maxSeries}; the largest part: ${largest.join(', ')}. Fewer histogram.buckets make fewer series`
}

function total({ dependencies, seriesEach }: KindBudget): number {
  return dependencies * seriesEach
}

/** Counts the series of a state in which all that can be known is known. */
function seriesOf(dependency: Dependency, buckets: readonly number[]): number {
  const names = [...Object.keys(dependency.measurementHelp), tlsNotAfter]
  const everything = {
    at: 0,
    monotonicAt: 0,
    durationMs: 0,
    phases: Object.fromEntries(phases.map(phase => [phase, 0])),
    measurements: Object.fromEntries(names.map(name => [name, 0])),
  }
  const success: CheckSuccess = { ...everything, ok: true }
  const failure: CheckFailure = { ...everything, ok: false, reason: 'error', detail: '', message: '' }
  const subject = {
    state: [success, failure].reduce(transition, initialState(dependency, stopped)),
    status: 'down' as const,
    durations: createHistogram({ buckets, createdSeconds: 0 }).value(),
  }
  return countSeries(
    [...dependencyFamilies, ...measurementFamilies(dependency.kind, dependency.measurementHelp)],
    subject,
  )
}

const stopped: Clock = { now: () => 0, wall: () => 0 }
