/** Pulsecheck as it is wired for everyone, in a process of its own: `createMonitor` and the server. */
import { createMonitor } from '../../src/monitor.ts'
import { createSystemClock, type TimerClock } from '../../src/schedule/clock.ts'
import { createServer } from '../../src/server/server.ts'
import type { StateReader } from '../../src/state/store.ts'
import { until } from '../../test/support/net.ts'
import { readOrder } from './child.ts'
import { type Dependencies, manyDependencies } from './dependencies.ts'
import { answerWindows } from './window.ts'

/** Said once every dependency has a result. */
export interface Listening {
  readonly port: number
}

const lates: number[] = []
const monitor = createMonitor({
  dependencies: manyDependencies(readOrder<Dependencies>()),
  clock: watchTimers(createSystemClock(), lates),
})
const server = createServer(monitor, { listen: [{ host: '127.0.0.1', port: 0 }] })
const [address] = await server.start()
monitor.start()
const complete = () => monitor.state.snapshot().states.every(({ checks }) => checks > 0)
await until(complete, 'every dependency has a result', 60_000)
answerWindows(lates, () => readCounters(monitor.state))
process.send?.({ port: address?.port ?? 0 } satisfies Listening)

/** Keeps how late each timer fired, in milliseconds. */
function watchTimers(clock: TimerClock, lates: number[]): TimerClock {
  return {
    ...clock,
    at: (time, call) =>
      clock.at(time, () => {
        lates.push(clock.now() - time)
        call()
      }),
  }
}

function readCounters(state: StateReader): Record<string, number> {
  const { states } = state.snapshot()
  return {
    checks: sum(states.map(({ checks }) => checks)),
    failed: sum(states.flatMap(({ failures }) => Object.values(failures))),
    skipped: sum(states.flatMap(({ skipped }) => Object.values(skipped))),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0)
}
