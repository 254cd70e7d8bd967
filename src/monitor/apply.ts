/** A new list of dependencies for a running monitor, without keeping the event loop for long. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dependency } from '../model/dependency.ts'
import { createBreather, turn } from '../model/turn.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import type { Store } from '../state/store.ts'
import type { DependencyMetrics } from '../views/metrics.ts'

export interface Applying {
  readonly store: Store
  readonly scheduler: Pick<Scheduler, 'add' | 'remove'>
  readonly metrics: Pick<DependencyMetrics, 'renderLater'>
  /** Once it is true, nothing is scheduled any more. */
  readonly isStopped: () => boolean
}

/** Each dependency that is put is checked within a second; ten thousand of them at once would keep the event loop. */
const batch = 200
const batchMs = 100

interface Changes {
  /** Gone, or of another kind or target: what was known of the name says nothing any more. */
  readonly forgotten: readonly string[]
  /** New or changed. */
  readonly put: readonly Dependency[]
}

/**
 * Returns a function that replaces the dependencies, and their order. The state changes at one moment, so no reader sees
 * half of a change. Samples are rendered, and checks ended and started, in slices around it, at most 2,000 checks a
 * second. What is unchanged is not touched. Calls run one after the other.
 */
export function createApply(applying: Applying): (dependencies: readonly Dependency[]) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return dependencies => {
    const next = last.then(() => change(dependencies, applying))
    last = next.catch(() => {})
    return next
  }
}

async function change(dependencies: readonly Dependency[], applying: Applying): Promise<void> {
  const { store, scheduler, metrics, isStopped } = applying
  // A scrape that waited for the change before takes its snapshot first.
  await turn()
  const breathe = createBreather()
  const { forgotten, put } = await compare(dependencies, store, breathe)
  for (const name of forgotten) {
    scheduler.remove(name)
    await breathe()
  }
  await metrics.renderLater(() => {
    for (const name of forgotten) store.remove(name)
    for (const dependency of put) store.put(dependency)
    store.order(dependencies.map(({ name }) => name))
  })
  // Until its turn comes, a reconfigured dependency is checked as it was.
  for (const [i, dependency] of put.entries()) {
    if (i > 0 && i % batch === 0) await sleep(batchMs)
    if (isStopped()) break
    scheduler.add(dependency)
    await breathe()
  }
}

async function compare(
  dependencies: readonly Dependency[],
  store: Store,
  breathe: ReturnType<typeof createBreather>,
): Promise<Changes> {
  const wanted = new Map(dependencies.map(dependency => [dependency.name, dependency]))
  const forgotten: string[] = []
  for (const { dependency } of store.snapshot().states) {
    if (!isSameThing(dependency, wanted.get(dependency.name))) forgotten.push(dependency.name)
    await breathe()
  }
  const put: Dependency[] = []
  for (const dependency of dependencies) {
    const known = store.get(dependency.name)?.dependency
    if (known?.fingerprint !== dependency.fingerprint) put.push(dependency)
    await breathe()
  }
  return { forgotten, put }
}

/** Whether a known state still holds under the wanted config: the same target is asked in the same way. */
function isSameThing(known: Dependency, wanted: Dependency | undefined): boolean {
  return wanted !== undefined && known.kind === wanted.kind && known.target === wanted.target
}
