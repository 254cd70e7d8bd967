/** The one state of all dependencies. `record()` is the only way in; everybody else reads. */
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

/** What can be said of all states without looking at them. */
export interface Pulse {
  /** Wall time, Unix milliseconds. */
  readonly at: number
  /** Monotonic time, milliseconds: what ages are measured against. */
  readonly now: number
  /** Monotonic time of the last completed check, or of the start. */
  readonly lastCompletedAt: number
  /** Grows when a status or the order changes, or a dependency comes, goes or is reconfigured; not with every result. */
  readonly revision: number
}

/** All states at one moment. A view of a snapshot is consistent, whatever is recorded meanwhile. */
export interface Snapshot extends Pulse {
  /** In the order of the configuration. */
  readonly states: readonly DependencyState[]
}

/** Hears of changes, synchronously and in order. A listener must not throw, and must not record. */
export interface StateListener {
  /**
   * A new value for a dependency: added (no `previous`), reconfigured (no `outcome`) or after an outcome. A status
   * that grew stale is told once: as a change to unknown by the skipped check that finds it, or as a change from unknown
   * by the result that ends it.
   */
  changed?(
    state: DependencyState,
    previous: DependencyState | undefined,
    outcome: CheckOutcome | undefined,
  ): void
  removed?(state: DependencyState): void
  /** The same dependencies in another order. */
  reordered?(): void
}

/** The reading half, for views. */
export interface StateReader {
  /** Costs nothing, however many dependencies there are: for probes. */
  pulse(): Pulse
  /** Costs a copy of the list after each change. */
  snapshot(): Snapshot
  get(name: string): DependencyState | undefined
  /** Calls `changed` for every state that is there already. Returns what ends the subscription. */
  subscribe(listener: StateListener): () => void
}

export interface Store extends StateReader {
  /** @throws Error for a name that is not there. */
  record(name: string, outcome: CheckOutcome): DependencyState
  /** Adds a dependency as unknown, or puts a changed configuration under what is known of its name. */
  put(dependency: Dependency): void
  remove(name: string): void
  /** Puts the dependencies in this order; those that are not named come last, as they were. */
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
      const named = names.flatMap(name => states.get(name) ?? [])
      const next = new Map([...named, ...states.values()].map(state => [state.dependency.name, state]))
      const before = [...states.keys()]
      if ([...next.keys()].every((name, i) => name === before[i])) return
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
