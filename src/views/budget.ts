/** The number of series of a configuration, which does not depend on what the servers answer. Pure. */

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

export interface KindBudget {
  readonly kind: string
  readonly dependencies: number
  /** The most series that one dependency of this kind can have. */
  readonly seriesEach: number
}

/** The most series that these dependencies can have, by kind, the largest first. */
export function seriesBudget(
  dependencies: readonly Dependency[],
  { buckets }: DurationBuckets,
): readonly KindBudget[] {
  const byKind = Map.groupBy(dependencies, ({ kind }) => kind)
  const budgets = [...byKind].map(([kind, members]) => ({
    kind,
    dependencies: members.length,
    seriesEach: mostSeries(members, buckets),
  }))
  return budgets.sort((a, b) => total(b) - total(a))
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

/** What a dependency measures, which a kind says once for all of its own, and its objectives alone make a difference. */
function mostSeries(members: readonly Dependency[], buckets: readonly number[]): number {
  const shapes = new Map(
    members.map(dependency => {
      const { measurementHelp, slo, latencySloMs } = dependency
      const shape = [...Object.keys(measurementHelp), slo !== undefined, latencySloMs !== undefined]
      return [shape.join(), dependency]
    }),
  )
  return Math.max(...[...shapes.values()].map(dependency => seriesOf(dependency, buckets)))
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
