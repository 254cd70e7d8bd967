/** The state of all dependencies. `record()` is the only way to change it; everything else reads. */
import type { CheckOutcome, Clock, Dependency } from '../model/dependency.ts'
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
  /** Puts the dependencies in this order. Those not named come last, in their present order. */
  order(names: readonly string[]): void
}

export function createStore(clock: Clock): Store {
  let states = new Map<string, DependencyState>()
  const listeners = new Set<StateListener>()
  let lastCompletedAt = clock.now()
  let revision = 0
  let ordered: readonly DependencyState[] | undefined

  const pulse = () => ({ at: clock.wall(), now: clock.now(), lastCompletedAt, revision })
  const keep = (state: DependencyState, previous?: DependencyState, outcome?: CheckOutcome) => {
    states.set(state.dependency.name, state)
    ordered = undefined
    if (outcome === undefined || state.status !== previous?.status) revision++
    for (const listener of listeners) listener.changed?.(state, previous, outcome)
    return state
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
      ordered = undefined
      revision++
      for (const listener of listeners) listener.removed?.(state)
    },
    order(names) {
      if (isInOrder(states.keys(), names)) return
      const next = new Map<string, DependencyState>()
      for (const name of names) {
        const state = states.get(name)
        if (state !== undefined) next.set(name, state)
      }
      for (const [name, state] of states) next.set(name, state)
      if (isInOrder(states.keys(), next.keys())) return
      states = next
      ordered = undefined
      revision++
      for (const listener of listeners) listener.reordered?.()
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
