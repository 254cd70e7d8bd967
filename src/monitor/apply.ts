/** A new list of dependencies for a running monitor, without keeping the event loop for long. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { Dependency, DependencyDefinition } from '../model/dependency.ts'
import { isSame } from '../model/identity.ts'
import { createBreather, createSequence, forEachInSlices } from '../model/turns.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import type { Store } from '../state/store.ts'
import type { DependencyMetrics } from '../views/metrics.ts'

interface Applying {
  readonly store: Store
  readonly scheduler: Pick<Scheduler, 'add' | 'get' | 'remove'>
  readonly metrics: Pick<DependencyMetrics, 'rendered'>
}

/** Each dependency that is put is checked within a second; ten thousand of them at once would keep the event loop. */
const batch = 200
const batchMs = 100

interface Changes {
  /** Gone, or of another kind or target: what was known of the name says nothing any more. */
  readonly forgotten: ReadonlySet<string>
  /** New or changed. */
  readonly put: readonly DependencyDefinition[]
}

/**
 * Returns a function that replaces the dependencies, and their order. The state changes at one moment, so no reader sees
 * half of a change. Samples are rendered, and checks ended and started, in slices around it, at most 2,000 checks a
 * second. What is unchanged is not touched. Calls run one after the other.
 */
export function createApply(
  applying: Applying,
): (definitions: readonly DependencyDefinition[]) => Promise<void> {
  const alone = createSequence()
  return definitions => alone(() => change(definitions, applying))
}

async function change(definitions: readonly DependencyDefinition[], applying: Applying): Promise<void> {
  const { store, scheduler, metrics } = applying
  // A scrape that waited for the change before takes its snapshot first.
  await turn()
  const breathe = createBreather()
  const { forgotten, put } = await compare(definitions, applying, breathe)
  for (const name of forgotten) {
    scheduler.remove(name)
    await breathe()
  }
  const replace = await store.prepare({
    forgotten,
    put: dependenciesOf(put),
    order: dependenciesOf(definitions),
  })
  replace()
  await metrics.rendered()
  // Until its turn comes, a reconfigured dependency is checked as it was.
  for (const [i, definition] of put.entries()) {
    if (i > 0 && i % batch === 0) await sleep(batchMs)
    scheduler.add(definition)
    await breathe()
  }
}

function* dependenciesOf(definitions: readonly DependencyDefinition[]): Generator<Dependency> {
  for (const { dependency } of definitions) yield dependency
}

async function compare(
  definitions: readonly DependencyDefinition[],
  { store, scheduler }: Applying,
  breathe: ReturnType<typeof createBreather>,
): Promise<Changes> {
  const wanted = new Map<string, Dependency>()
  await forEachInSlices(definitions, ({ dependency }) => wanted.set(dependency.name, dependency))
  const forgotten = new Set<string>()
  for (const { dependency } of store.snapshot().states) {
    if (!isSameThing(dependency, wanted.get(dependency.name))) forgotten.add(dependency.name)
    await breathe()
  }
  const put: DependencyDefinition[] = []
  for (const definition of definitions) {
    const known = scheduler.get(definition.dependency.name)
    if (known === undefined || !isSame(known.identity, definition.identity)) put.push(definition)
    await breathe()
  }
  return { forgotten, put }
}

/** Whether a known state still holds under the wanted config: the same target is asked in the same way. */
function isSameThing(known: Dependency, wanted: Dependency | undefined): boolean {
  return wanted !== undefined && known.kind === wanted.kind && known.target === wanted.target
}
