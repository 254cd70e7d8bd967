/** A stretch of time in the life of a subject, opened and closed by messages from the bench. */
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from './statistics.ts'

/** What one window saw. Memory is as of its end, after forced collections. */
export interface Window {
  readonly seconds: number
  /** CPU of the process over the time that passed; 1 is one core. */
  readonly cpuShare: number
  /** How late timers fired, milliseconds: p50, p99 and the latest; null, in a message, where none did. */
  readonly late: readonly (number | null)[]
  readonly rssMiB: number
  readonly heapMiB: number
  /** Counters of the subject's own, as they grew. */
  readonly counted: Readonly<Record<string, number>>
}

/** What was due during a collection gets its turn, in milliseconds. */
const settleMs = 100

/**
 * Answers 'open' with nothing and 'close' with a `Window`.
 *
 * @param lates milliseconds that each timer was late; emptied whenever a window opens.
 * @param count counters of the subject, which only grow.
 */
export function answerWindows(lates: number[] = [], count: () => Record<string, number> = () => ({})): void {
  let [at, cpu, counters] = [performance.now(), process.cpuUsage(), count()]
  process.on('message', async order => {
    if (order === 'open') {
      await collect()
      await sleep(settleMs)
      lates.length = 0
      ;[at, cpu, counters] = [performance.now(), process.cpuUsage(), count()]
      process.send?.({})
    } else if (order === 'close') {
      const seconds = (performance.now() - at) / 1_000
      const { user, system } = process.cpuUsage(cpu)
      const seen = lates.splice(0)
      const grown = Object.entries(count()).map(([name, value]) => [name, value - (counters[name] ?? 0)])
      await collect()
      const { rss, heapUsed } = process.memoryUsage()
      process.send?.({
        seconds,
        cpuShare: (user + system) / 1e6 / seconds,
        late: [0.5, 0.99, 1].map(share => percentile(seen, share)),
        rssMiB: rss / 2 ** 20,
        heapMiB: heapUsed / 2 ** 20,
        counted: Object.fromEntries(grown),
      } satisfies Window)
    }
  })
}

/** Twice, since finalizers of the first free what the second collects. */
async function collect(): Promise<void> {
  globalThis.gc?.()
  await sleep(settleMs)
  globalThis.gc?.()
}
