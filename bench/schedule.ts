/**
 * The schedule under load: many `tcp` dependencies, each checked for real on a server in another process.
 *
 *     node bench/schedule.ts [dependencies = 1000] [intervalSeconds = 1] [seconds = 60]
 *
 * Missed ticks are planned checks that did not run: `checks_total` against the clock, and everything in
 * `checks_skipped_total`. Lag is how late checks started. Memory is read after a forced collection when started with
 * `--expose-gc`, which `npm run bench:schedule` does. Beside it stands one `setTimeout` a dependency, the usual way, in the
 * same process before the run: how late the timers alone are on this machine.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { tcp as tcpKind } from '../src/kinds/tcp.ts'
import { createMonitor } from '../src/monitor.ts'
import { parseDependency } from '../src/settings.ts'

const [count = 1_000, intervalSeconds = 1, seconds = 60] = process.argv.slice(2).map(Number)
const intervalMs = intervalSeconds * 1_000

const server = fork(new URL('./support/targets.ts', import.meta.url))
const [{ tcp: port }] = await once(server, 'message')

function percentile(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
}

function heapMb(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

/** How late `setTimeout` fires, one a dependency, over five seconds. */
async function timersAlone(): Promise<readonly number[]> {
  const lates: number[] = []
  const started = performance.now()
  const timers = Array.from({ length: count }, (_, i) => {
    const first = started + (i / count) * intervalMs
    const plan = (at: number): NodeJS.Timeout =>
      setTimeout(() => {
        lates.push(performance.now() - at)
        timers[i] = plan(at + intervalMs)
      }, at - performance.now())
    return plan(first)
  })
  await new Promise(resolve => setTimeout(resolve, 5_000))
  for (const timer of timers) clearTimeout(timer)
  return lates.sort((a, b) => a - b)
}

const idle = await timersAlone()
const dependencies = Array.from({ length: count }, (_, i) =>
  parseDependency(`tcp-${i}`, tcpKind, {
    host: '127.0.0.1',
    port,
    interval: `${intervalMs}ms`,
    timeout: `${Math.min(intervalMs, 1_000)}ms`,
  }),
)
const monitor = createMonitor({ dependencies })
const counters = () => {
  const { states } = monitor.state.snapshot()
  const skipped = states.flatMap(({ skipped }) => Object.values(skipped)).reduce((sum, each) => sum + each, 0)
  return {
    checks: states.reduce((sum, state) => sum + state.checks, 0),
    failed: states.flatMap(({ failures }) => Object.values(failures)).reduce((sum, each) => sum + each, 0),
    skipped,
  }
}

monitor.start()
await new Promise(resolve => setTimeout(resolve, Math.max(2_000, intervalMs)))
const before = {
  ...counters(),
  heap: heapMb(),
  rss: process.memoryUsage.rss() / 2 ** 20,
  cpu: process.cpuUsage(),
  at: performance.now(),
}
await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
const after = {
  ...counters(),
  heap: heapMb(),
  rss: process.memoryUsage.rss() / 2 ** 20,
  cpu: process.cpuUsage(before.cpu),
  at: performance.now(),
}
const body = (await monitor.metrics()).body
const text = Buffer.isBuffer(body) ? body.toString() : Buffer.concat(await body.toArray()).toString()
await monitor.stop()
server.kill()

const elapsed = (after.at - before.at) / 1_000
const expected = (count * elapsed) / intervalSeconds
const done = after.checks - before.checks
const lagBuckets = [
  ...text.matchAll(/^pulsecheck_scheduler_lag_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm),
].map(([, le, n]) => ({ le, n: Number(n) }))
const total = lagBuckets.at(-1)?.n ?? 0
const below = (share: number) => lagBuckets.find(({ n }) => n >= share * total)?.le

console.log(`${count} tcp dependencies, every ${intervalSeconds} s, for ${elapsed.toFixed(1)} s`)
console.table({
  'checks expected': expected.toFixed(0),
  'checks completed': done,
  'checks failed': after.failed - before.failed,
  'checks skipped': after.skipped - before.skipped,
  'lag p50, p99, p99.9: at most (s)': [0.5, 0.99, 0.999].map(below).join(', '),
  'setTimeout alone, p50, p99 (ms)': `${percentile(idle, 0.5)}, ${percentile(idle, 0.99)}`,
  'CPU per 1,000 checks (ms)': ((after.cpu.user + after.cpu.system) / 1_000 / (done / 1_000)).toFixed(0),
  'heap before, after (MiB)': `${before.heap.toFixed(1)}, ${after.heap.toFixed(1)}`,
  'RSS before, after (MiB)': `${before.rss.toFixed(0)}, ${after.rss.toFixed(0)}`,
})
process.exitCode = after.skipped > before.skipped || Math.abs(done - expected) > count ? 1 : 0
