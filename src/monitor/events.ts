/** What a monitor tells the application: results and changes of status. */
import type { CheckResult, Dependency, SkipCause, Status } from '../model/dependency.ts'
import type { Logger } from '../model/logger.ts'
import type { StateReader } from '../state/store.ts'

/** A dependency's status has changed. */
export interface ChangeEvent {
  /** The name of the dependency. */
  readonly name: string
  /** Its configuration. */
  readonly dependency: Dependency
  /** The status before. */
  readonly from: Status
  /** The status now. */
  readonly to: Status
  /** The result that settled it; undefined where the status is unknown because nothing was heard for too long. */
  readonly result: CheckResult | undefined
  /**
   * Where nothing was heard for too long, why: `overlap` is a check that has not returned since its deadline, and is not
   * called again before it does.
   */
  readonly skipped: SkipCause | undefined
}

/** A check has completed. Skipped checks have no result. */
export interface ResultEvent {
  /** The name of the dependency. */
  readonly name: string
  /** Its configuration. */
  readonly dependency: Dependency
  /** What came of the check. */
  readonly result: CheckResult
  /** The settled status after this result; it may still await confirmation. */
  readonly status: Status
}

/** The events of a monitor, by name. */
export interface MonitorEvents {
  /** The status of a dependency has changed. */
  readonly change: ChangeEvent
  /** A check has completed. */
  readonly result: ResultEvent
}

/** Is called with each event. What it returns is awaited, but delays nobody. */
export type Listener<Event> = (event: Event) => unknown

/**
 * Calls a listener for each event of a name, in order, right after the state has changed. A listener may call every
 * method of the monitor. What it throws, or what its promise rejects with, goes to the logger and nowhere else.
 *
 * @returns what ends it.
 */
export type On = <Name extends keyof MonitorEvents>(
  name: Name,
  listener: Listener<MonitorEvents[Name]>,
) => () => void

type Listeners = { readonly [Name in keyof MonitorEvents]: Set<Listener<MonitorEvents[Name]>> }

export function createEvents(state: StateReader, logger: Logger, redact: (text: string) => string): On {
  const listeners: Listeners = { change: new Set(), result: new Set() }

  function emit<Event>(name: string, to: ReadonlySet<Listener<Event>>, event: Event): void {
    for (const listener of to)
      queueMicrotask(async () => {
        try {
          if (to.has(listener)) await listener(event)
        } catch (error) {
          logger.error({ event: name, ...describeError(error, redact) }, 'a listener failed')
        }
      })
  }

  state.subscribe({
    changed(current, previous, outcome) {
      const { dependency, status: to } = current
      const { name } = dependency
      const result = outcome !== undefined && !('skipped' in outcome) ? outcome : undefined
      const skipped = outcome !== undefined && 'skipped' in outcome ? outcome.skipped : undefined
      const from = previous?.status ?? to
      if (result !== undefined) emit('result', listeners.result, { name, dependency, result, status: to })
      if (from !== to) emit('change', listeners.change, { name, dependency, from, to, result, skipped })
    },
    // Another configuration is no event.
    replaced() {},
  })
  return (name, listener) => {
    const known = listeners[name]
    if (known === undefined) throw new TypeError(`no event ${String(name)}; known are change and result`)
    // One listener may be there twice: each registration is a function of its own.
    const own: typeof listener = event => listener(event)
    known.add(own)
    return () => void known.delete(own)
  }
}

function describeError(error: unknown, redact: (text: string) => string): object {
  const cause = redact(String(error))
  return error instanceof Error && error.stack !== undefined
    ? { cause, stack: redact(error.stack) }
    : { cause }
}
