/** Follows every change of the state, and keeps the exposition up to date. */

import { setImmediate as turn } from 'node:timers/promises'
import type { Exposition } from '../exposition/exposition.ts'
import type { Group } from '../exposition/group.ts'
import { createHistogram, type Histogram } from '../exposition/histogram.ts'
import type { CheckOutcome, Dependency, MeasurementHelp, Status } from '../model/dependency.ts'
import { forEachInSlices } from '../model/turns.ts'
import type { Replaced, StateReader } from '../state/store.ts'
import { type DependencyState, statusAt } from '../state/transition.ts'
import { type DependencySubject, dependencyFamilies, exemplarOf, measurementFamilies } from './families.ts'

/** Which buckets the histograms of check durations have. */
export interface DurationBuckets {
  /** Upper bounds of the classic buckets in seconds, ascending; none switches them off. */
  readonly buckets: readonly number[]
  /** Whether to keep a native histogram as well. */
  readonly native: boolean
}

export interface DependencyMetrics {
  /** Resolves when replacements are rendered, in slices that leave the event loop free. Scrapes wait for it. */
  rendered(): Promise<void>
}

/** A successful check that takes more than this share of its timeout gets an exemplar. */
const slowShare = 0.5

interface Kept {
  state: DependencyState
  /** As it is shown. */
  status: Status
  readonly histogram: Histogram
}

/** Adds, changes and removes the series of every dependency with its state. */
export function followState(
  exposition: Pick<Exposition, 'group'>,
  state: StateReader,
  durations: DurationBuckets,
): DependencyMetrics {
  const common = exposition.group(dependencyFamilies, { wait: () => rendering, refresh: showStale })
  const groupsFor = createMeasurementGroups(exposition)
  const kept = new Map<string, Kept>()
  let rendering: Promise<void> | undefined

  const show = (entry: Kept, now: number) => {
    const { state, histogram } = entry
    const { name } = state.dependency
    const status = statusAt(state, now)
    const subject = { state, status, durations: histogram.value() }
    entry.status = status
    common.set(name, subject)
    for (const group of groupsFor(state)) group.set(name, subject)
  }
  const changed = (state: DependencyState, previous?: DependencyState, outcome?: CheckOutcome) => {
    const { name } = state.dependency
    const known = kept.get(name)
    const entry = known ?? { state, status: state.status, histogram: histogramFor(state, durations) }
    if (known === undefined) kept.set(name, entry)
    entry.state = state
    if (known !== undefined && outcome === undefined && isShownAlike(state.dependency, previous?.dependency))
      return
    if (outcome !== undefined) observe(entry.histogram, outcome, state.dependency.timeoutMs)
    show(entry, state.last?.monotonicAt ?? 0)
  }
  const removed = (state: DependencyState) => {
    const { name } = state.dependency
    kept.delete(name)
    common.delete(name)
    for (const group of groupsFor(state)) group.delete(name)
  }
  /** What a replacement changes, piece by piece. A result that comes meanwhile is shown with the new configuration. */
  function* follow({ before, forgotten, changed: names }: Replaced): Generator<() => void> {
    for (const name of forgotten) {
      const gone = before.get(name)
      if (gone !== undefined) yield () => removed(gone)
    }
    for (const name of names)
      yield () => {
        const present = state.get(name)
        if (present !== undefined) changed(present, forgotten.has(name) ? undefined : before.get(name))
      }
  }
  const replaced = (change: Replaced) => {
    const rendered = Promise.resolve(rendering)
      .then(() => turn())
      .then(() => forEachInSlices(follow(change), piece => piece()))
      .then(() => {
        if (rendering === rendered) rendering = undefined
      })
    rendering = rendered
  }
  state.subscribe({ changed, removed, replaced })

  /** Shows statuses that have become stale by time alone. */
  function showStale(): void {
    const { now } = state.pulse()
    for (const entry of kept.values()) {
      if (entry.status !== statusAt(entry.state, now)) show(entry, now)
    }
  }

  return { rendered: async () => await rendering }
}

/**
 * Returns a function that gives the groups of a dependency's own measurements. Dependencies of one kind commonly declare
 * the same ones and share one group; where they do not, as with checks of the application, each name has one family,
 * with the HELP of who declared it first.
 */
function createMeasurementGroups(
  exposition: Pick<Exposition, 'group'>,
): (state: DependencyState) => readonly Group<DependencySubject>[] {
  const ofHelp = new Map<string, WeakMap<MeasurementHelp, readonly Group<DependencySubject>[]>>()
  const ofName = new Map<string, Group<DependencySubject>>()

  function find(kind: string, help: MeasurementHelp): readonly Group<DependencySubject>[] {
    const all = Object.entries(help)
    const fresh = all.filter(([name]) => !ofName.has(`${kind}_${name}`))
    if (fresh.length > 0) {
      const group = exposition.group(measurementFamilies(kind, Object.fromEntries(fresh)))
      for (const [name] of fresh) ofName.set(`${kind}_${name}`, group)
    }
    return [...new Set(all.flatMap(([name]) => ofName.get(`${kind}_${name}`) ?? []))]
  }

  return ({ dependency: { kind, measurementHelp } }) => {
    const known = ofHelp.get(kind) ?? new WeakMap<MeasurementHelp, readonly Group<DependencySubject>[]>()
    ofHelp.set(kind, known)
    const groups = known.get(measurementHelp) ?? find(kind, measurementHelp)
    known.set(measurementHelp, groups)
    return groups
  }
}

/** Whether two configurations of a dependency have the same samples, so that none has to be rendered again. */
function isShownAlike(a: Dependency, b: Dependency | undefined): boolean {
  return (
    a.kind === b?.kind &&
    a.target === b.target &&
    a.critical === b.critical &&
    a.intervalMs === b.intervalMs &&
    a.timeoutMs === b.timeoutMs &&
    a.slo === b.slo &&
    a.latencySloMs === b.latencySloMs &&
    JSON.stringify(a.labels) === JSON.stringify(b.labels)
  )
}

function histogramFor({ createdAt }: DependencyState, { buckets, native }: DurationBuckets): Histogram {
  return createHistogram({ buckets, createdSeconds: createdAt / 1_000, native: native ? {} : undefined })
}

/** The last slow and the last failed check leave an exemplar in their bucket. */
function observe(histogram: Histogram, outcome: CheckOutcome, timeoutMs: number): void {
  if ('skipped' in outcome) return
  const notable = !outcome.ok || outcome.durationMs >= slowShare * timeoutMs
  const exemplar =
    notable || outcome.traceId !== undefined ? exemplarOf(outcome.traceId, outcome.at) : undefined
  histogram.observe(outcome.durationMs / 1_000, exemplar)
}
