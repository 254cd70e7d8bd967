/** The state of all dependencies. `record()` is the only way to change it; everything else reads. */
import type { CheckOutcome, Clock, Dependency } from '../model/dependency.ts'
import { forEachInSlices } from '../model/turns.ts'
import {
  asOf,
  countTime,
  type DependencyState,
  initialState,
  momentOf,
  reconfigure,
  transition,
} from './transition.ts'

/** What is known of all states without looking at each. */
export interface Pulse {
  /** Wall time, Unix milliseconds. */
  readonly at: number
  /** Monotonic time, milliseconds: what ages are measured against. */
  readonly now: number
  /** Monotonic time of the last completed check, or of the start. */
  readonly lastCompletedAt: number
  /** Grows when a status or the order changes, or a dependency is added, removed or reconfigured; not with every result. */
  readonly revision: number
}

/** All states at one moment. A view of a snapshot stays consistent whatever is recorded meanwhile. */
export interface Snapshot extends Pulse {
  /** In the order of the configuration. */
  readonly states: readonly DependencyState[]
}

/** Is called for each change, synchronously and in order. A listener must not throw, and must not record. */
export interface StateListener {
  /**
   * A dependency was added (no `previous`), reconfigured (no `outcome`), or had an outcome. A status that became stale is
   * reported once: as a change to unknown by the next skipped check, or as a change from unknown by the next result.
   */
  changed?(
    state: DependencyState,
    previous: DependencyState | undefined,
    outcome: CheckOutcome | undefined,
  ): void
  /** A dependency is gone; this was its last state. */
  removed?(state: DependencyState): void
  /** The dependencies are the same, in another order. */
  reordered?(): void
  /** Many dependencies have changed at one moment. Without it, the functions above are called for each. */
  replaced?(replaced: Replaced): void
}

/** A replacement of many dependencies at one moment. */
export interface Replaced {
  /** The states before it, by name. */
  readonly before: ReadonlyMap<string, DependencyState>
  /** The states after it, by name. */
  readonly after: ReadonlyMap<string, DependencyState>
  /** Names whose state has ended. A name can be in both sets: it has begun anew. */
  readonly forgotten: ReadonlySet<string>
  /** New, or of another configuration. */
  readonly changed: ReadonlySet<string>
  /** Whether there are other names, or another order. */
  readonly isRelisted: boolean
}

/** The reading half, for views. */
export interface StateReader {
  /** Costs nothing, however many dependencies there are, so it suits probes. */
  pulse(): Pulse
  /** Costs a copy of the list after each change. */
  snapshot(): Snapshot
  /** The state of one dependency; undefined if there is none of this name. */
  get(name: string): DependencyState | undefined
  /** Calls `changed` for every existing state first. Returns a function that ends the subscription. */
  subscribe(listener: StateListener): () => void
}

export interface Store extends StateReader {
  /** @throws Error if there is no dependency of this name. */
  record(name: string, outcome: CheckOutcome): DependencyState
  /** Adds a dependency as unknown, or changes the configuration of a known one and keeps its state. */
  put(dependency: Dependency): void
  remove(name: string): void
  /**
   * Prepares a change of many dependencies in slices. The returned function makes it at one moment, with all that was
   * recorded meanwhile; call it once, and within this turn. One change is prepared at a time.
   */
  prepare(replacement: Replacement): Promise<() => void>
}

export interface Replacement {
  /** The names of those that are gone, or about which nothing that is known holds any longer. */
  readonly forgotten: ReadonlySet<string>
  /** New, or of another configuration. */
  readonly put: Iterable<Dependency>
  /** All of them in their new order. Those left out come last, in their present order. */
  readonly order: Iterable<Pick<Dependency, 'name'>>
}

export function createStore(clock: Clock): Store {
  let states = new Map<string, DependencyState>()
  const listeners = new Set<StateListener>()
  let lastCompletedAt = clock.now()
  let revision = 0
  let ordered: readonly DependencyState[] | undefined
  /** Names with a change since the preparation of a replacement began. */
  let touched: Set<string> | undefined

  const pulse = () => ({ at: clock.wall(), now: clock.now(), lastCompletedAt, revision })
  const keep = (state: DependencyState, previous?: DependencyState, outcome?: CheckOutcome) => {
    states.set(state.dependency.name, state)
    touched?.add(state.dependency.name)
    ordered = undefined
    if (outcome === undefined || state.status !== previous?.status) revision++
    for (const listener of listeners) listener.changed?.(state, previous, outcome)
    return state
  }
  function replace(change: Omit<Replaced, 'isRelisted'> & { readonly after: typeof states }): void {
    const { before, after, changed } = change
    const isRelisted = !isInOrder(before.keys(), after.keys())
    if (!isRelisted && changed.size === 0) return
    states = after
    ordered = undefined
    revision++
    const replaced = { ...change, isRelisted }
    for (const listener of listeners)
      if (listener.replaced !== undefined) listener.replaced(replaced)
      else tellEach(listener, replaced)
  }

  return {
    record(name, outcome) {
      const known = states.get(name)
      if (known === undefined) throw new Error(`no dependency ${name}`)
      const moment = momentOf(clock)
      const present = asOf(countTime(known, moment.monotonicAt), moment)
      if (!('skipped' in outcome)) lastCompletedAt = moment.monotonicAt
      return keep(transition(present, outcome), 'skipped' in outcome ? known : present, outcome)
    },
    put(dependency) {
      const previous = states.get(dependency.name)
      keep(
        previous === undefined ? initialState(dependency, clock) : reconfigure(previous, dependency),
        previous,
      )
    },
    remove(name) {
      const state = states.get(name)
      if (state === undefined) return
      states.delete(name)
      touched?.add(name)
      ordered = undefined
      revision++
      for (const listener of listeners) listener.removed?.(state)
    },
    async prepare({ forgotten, put, order }) {
      const meanwhile = new Set<string>()
      touched = meanwhile
      const wanted = new Map<string, Dependency>()
      const changed = new Set<string>()
      await forEachInSlices(put, dependency => {
        const { name } = dependency
        wanted.set(name, dependency)
        changed.add(name)
      })
      const after = new Map<string, DependencyState>()
      const derive = (name: string) => {
        const known = forgotten.has(name) ? undefined : states.get(name)
        const dependency = wanted.get(name)
        const next =
          dependency === undefined
            ? known
            : known === undefined
              ? initialState(dependency, clock)
              : reconfigure(known, dependency)
        if (next === undefined) after.delete(name)
        else after.set(name, next)
      }
      await forEachInSlices(order, ({ name }) => derive(name))
      await forEachInSlices(states.keys(), name => {
        if (!after.has(name)) derive(name)
      })
      return () => {
        for (const name of meanwhile) derive(name)
        touched = undefined
        replace({ before: states, after, forgotten, changed })
      }
    },
    pulse,
    snapshot() {
      ordered ??= [...states.values()]
      return { ...pulse(), states: ordered }
    },
    get: name => states.get(name),
    subscribe(listener) {
      listeners.add(listener)
      for (const state of states.values()) listener.changed?.(state, undefined, undefined)
      return () => listeners.delete(listener)
    },
  }
}

/** Whether both have the same names in the same order. */
function isInOrder(names: Iterable<string>, wanted: Iterable<string>): boolean {
  const rest = wanted[Symbol.iterator]()
  for (const name of names) if (rest.next().value !== name) return false
  return rest.next().done === true
}

function tellEach(
  listener: StateListener,
  { before, after, forgotten, changed, isRelisted }: Replaced,
): void {
  for (const name of forgotten) {
    const state = before.get(name)
    if (state !== undefined) listener.removed?.(state)
  }
  for (const name of changed) {
    const state = after.get(name)
    if (state !== undefined)
      listener.changed?.(state, forgotten.has(name) ? undefined : before.get(name), undefined)
  }
  if (isRelisted) listener.reordered?.()
}
