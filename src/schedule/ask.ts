/** The one way to check a dependency: repeatedly for the timetable, once for everyone else. */
import type { DependencyDefinition } from '../model/dependency.ts'
import type { Stalls, TimerClock } from './clock.ts'
import type { Resolve } from './resolve.ts'
import { type Run, run } from './run.ts'

export interface AskOptions {
  readonly clock: TimerClock
  readonly stalls: Stalls
  readonly resolve: Resolve
}

/** Checks one dependency. */
export interface Asker {
  /** Starts one check. Call it again only after the previous check has settled. */
  ask(): Run
  /** Releases what outlives a check. Call it once, after the last check has settled. */
  close(): Promise<void>
}

/** Opens the checker of a dependency. No I/O yet. */
export function createAsker(definition: DependencyDefinition, options: AskOptions): Asker {
  const { redact, failures } = definition
  const { timeoutMs } = definition.dependency
  const checker = definition.open()
  return {
    ask: () => run(checker, { timeoutMs, redact, failures, ...options }),
    close: async () => await checker.close?.(),
  }
}

/** How often a check that was skipped through our own fault is repeated. */
const maxRepeats = 2

/**
 * Checks once: opens the checker, repeats the check if it was skipped through our own fault, and closes the checker.
 *
 * @returns `settled` resolves once the checker has released everything and is closed.
 */
export function askOnce(definition: DependencyDefinition, options: AskOptions): Run {
  const asker = createAsker(definition, options)
  let current = asker.ask()
  let isAborted = false
  const repeat = async () => {
    let outcome = await current.outcome
    for (let i = 0; 'skipped' in outcome && i < maxRepeats && !isAborted; i++) {
      if (!(await hasSettled(current, definition.dependency.timeoutMs, options.clock))) break
      current = asker.ask()
      outcome = await current.outcome
    }
    return outcome
  }
  const outcome = repeat()
  return {
    outcome,
    settled: outcome.then(() => current.settled).then(asker.close),
    abort() {
      isAborted = true
      current.abort()
    },
  }
}

/** Whether a check whose outcome is known settles in time. A checker that ignores its abort does not. */
async function hasSettled(check: Run, withinMs: number, clock: TimerClock): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const cancel = clock.at(clock.now() + withinMs, () => late.resolve(false))
  const settled = await Promise.race([check.settled.then(() => true), late.promise])
  cancel()
  return settled
}
