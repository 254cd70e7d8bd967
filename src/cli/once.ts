/** Every dependency asked once, outside of any schedule: the same check, the same state and the same report as the service's. */
import type { Checker, CheckOutcome, Dependency } from '../dependency.ts'
import { createSystemClock } from '../schedule/clock.ts'
import { createResolver } from '../schedule/resolve.ts'
import { type Run, run } from '../schedule/run.ts'
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
  /** What came of all of them. Never rejects. */
  readonly report: Promise<StatusReport>
  /** Lets go of every connection at once; there is no report then. */
  abort(): void
}

/** A check that says nothing about its dependency, through a fault of our own, is made again so many times. */
const maxRepeats = 2

/** Starts right away, side by side. */
export function checkOnce(dependencies: readonly Dependency[], options: OnceOptions): Once {
  const clock = createSystemClock()
  const { resolve, close } = createResolver()
  const slots = createSlots(options.maxConcurrentChecks, clock)
  const stalls = createStalls(clock)
  const store = createStore(clock)
  const probes = createProbes(store, stalls.total)
  const underWay = new Set<Run>()
  let aborted = false

  const ask = async (checker: Checker, { timeoutMs, redact }: Dependency): Promise<CheckOutcome> => {
    const mine = run(checker, { timeoutMs, redact, clock, stalls })
    underWay.add(mine)
    const outcome = await mine.outcome
    underWay.delete(mine)
    return outcome
  }
  const settle = async (dependency: Dependency) => {
    const checker = dependency.open(resolve)
    let outcome = await ask(checker, dependency)
    for (let i = 0; 'skipped' in outcome && i < maxRepeats && !aborted; i++)
      outcome = await ask(checker, dependency)
    store.record(dependency.name, outcome)
    options.checked(dependency.name)
  }
  const queued = (dependency: Dependency) =>
    new Promise<void>(done => {
      const claim: Claim = {
        hangs: false,
        gaveWay: 0,
        usualMs: 0,
        start: () => {
          settle(dependency).then(() => {
            if (!aborted) slots.release(claim)
            done()
          })
        },
      }
      slots.take(claim)
    })
  const all = async () => {
    for (const dependency of dependencies) store.put(dependency)
    stalls.start()
    await Promise.all(dependencies.map(queued))
    stalls.stop()
    close()
    return statusReport(store.snapshot(), probes.readiness())
  }
  return {
    report: all(),
    abort() {
      aborted = true
      for (const run of underWay) run.abort()
      close()
    },
  }
}
