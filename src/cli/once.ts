/** Checks every dependency once, without a schedule. The check, the state and the report are those of the service. */
import { setTimeout } from 'node:timers/promises'
import type { DependencyDefinition } from '../model/definition.ts'
import { askOnce } from '../schedule/ask.ts'
import { createStalls, createSystemClock } from '../schedule/clock.ts'
import { createResolver } from '../schedule/resolve.ts'
import type { Run } from '../schedule/run.ts'
import { type Claim, createSlots } from '../schedule/slots.ts'
import { createStore } from '../state/store.ts'
import { createProbes } from '../views/probes.ts'
import { type StatusReport, statusReport } from '../views/status.ts'

export interface OnceOptions {
  readonly maxConcurrentChecks: number
  /** Called after each check with the name of its dependency. */
  readonly checked: (name: string) => void
}

export interface Once {
  /** The results. Never rejects, and stays pending if `close` is called first. */
  readonly report: Promise<StatusReport>
  /**
   * Aborts the checks in progress, and gives the checkers a moment to clean up: to close connections, and to cancel what
   * still runs on a server, such as a query.
   */
  close(): Promise<void>
}

/** Time for checkers to clean up, in milliseconds. A hung one delays the exit no longer than this. */
const graceMs = 500

/** Starts all checks at once, within the concurrency limit. */
export function checkOnce(definitions: readonly DependencyDefinition[], options: OnceOptions): Once {
  const clock = createSystemClock()
  const resolver = createResolver()
  const slots = createSlots(options.maxConcurrentChecks, clock)
  const stalls = createStalls(clock)
  const store = createStore(clock)
  const probes = createProbes(store, stalls.total)
  const { promise: report, resolve: tell } = Promise.withResolvers<StatusReport>()
  const checks: Run[] = []
  let closing: Promise<unknown> | undefined

  const settle = async (definition: DependencyDefinition) => {
    const { name } = definition.dependency
    const check = askOnce(definition, { clock, stalls, resolve: resolver.resolve })
    checks.push(check)
    store.record(name, await check.outcome)
    options.checked(name)
  }
  const queued = (definition: DependencyDefinition) =>
    new Promise<void>(done => {
      const claim: Claim = {
        hangs: false,
        gaveWay: 0,
        usualMs: 0,
        start: () => {
          settle(definition).then(() => {
            if (closing === undefined) slots.release(claim)
            done()
          })
        },
      }
      slots.take(claim)
    })
  const all = async () => {
    for (const { dependency } of definitions) store.put(dependency)
    stalls.start()
    await Promise.all(definitions.map(queued))
    stalls.stop()
    if (closing === undefined) tell(statusReport(store.snapshot(), probes.readiness()))
  }
  all()
  return {
    report,
    async close() {
      for (const check of checks) check.abort()
      closing ??= Promise.race([Promise.allSettled(checks.map(check => check.settled)), setTimeout(graceMs)])
      await closing
      resolver.close()
    },
  }
}
