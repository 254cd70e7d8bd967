/** Every dependency asked once, outside of any schedule: the same check, the same state and the same report as the service's. */
import { setTimeout } from 'node:timers/promises'
import type { DependencyDefinition } from '../model/definition.ts'
import { askOnce } from '../schedule/ask.ts'
import { createSystemClock } from '../schedule/clock.ts'
import { createResolver } from '../schedule/resolve.ts'
import type { Run } from '../schedule/run.ts'
import { type Claim, createSlots } from '../schedule/slots.ts'
import { createStalls } from '../schedule/stalls.ts'
import { createStore } from '../state/store.ts'
import { createProbes } from '../views/probes.ts'
import { type StatusReport, statusReport } from '../views/status.ts'

export interface OnceOptions {
  readonly maxConcurrentChecks: number
  /** Hears of every dependency whose check is over. */
  readonly checked: (name: string) => void
}

export interface Once {
  /** What came of all of them. Never rejects, and never comes if `close` was called before. */
  readonly report: Promise<StatusReport>
  /**
   * Ends what is under way, and waits a moment for the checkers to let go: of connections, and of what they have left
   * on a server, such as a query that is still running.
   */
  close(): Promise<void>
}

/** How long checkers get to let go, in milliseconds. A hung one does not delay the exit further. */
const graceMs = 500

/** Starts right away, side by side. */
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
