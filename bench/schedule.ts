/**
 * The schedule under load: how late its timers fire and what it costs, idle and while `/metrics` is scraped every second,
 * beside the usual way, one `setTimeout` a dependency that does nothing.
 *
 *     node bench/schedule.ts [--kind=tcp] [--dependencies=1000] [--interval=1] [--seconds=60]
 *     node bench/schedule.ts --kind=instant --dependencies=10000 --interval=10
 *
 * `tcp` dependencies are asked for real, on a server in another process; `instant` ones answer at once, so that only the
 * schedule and what follows a result costs. `--interval` is in seconds; `--seconds` are shared by three windows, each in a
 * process of its own side. Lateness is what the clock handed to `createMonitor` saw: actual less planned. Checks that did
 * not run are the completed against the expected, and everything in `checks_skipped_total`. Memory is as of the end of each
 * window, after a forced collection.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { receive, startChild } from './support/child.ts'
import type { Dependencies } from './support/dependencies.ts'
import type { Listening } from './support/monitored.ts'
import { parameters } from './support/parameters.ts'
import { accepts, gzip, scrape, scrapeEverySecond } from './support/scraper.ts'
import type { Ports } from './support/targets.ts'
import type { Window } from './support/window.ts'

const { kind, dependencies, interval, seconds } = parameters({
  kind: 'tcp',
  dependencies: 1_000,
  interval: 1,
  seconds: 60,
})
if (kind !== 'tcp' && kind !== 'instant') throw new TypeError(`--kind: ${kind} is neither tcp nor instant`)

const windowMs = (seconds * 1_000) / 3
const headers = { accept: accepts.OpenMetrics, ...gzip }
const targets = startChild('targets.ts')
const ports = await receive<Ports>(targets)
const order: Dependencies = {
  dependencies,
  intervalMs: interval * 1_000,
  ...(kind === 'tcp' && { tcpPort: ports.tcp }),
}

async function during(subject: ReturnType<typeof startChild>, work: () => Promise<unknown>): Promise<Window> {
  await receive(subject, 'open')
  await work()
  return await receive<Window>(subject, 'close')
}

function row(window: Window, peer: Window | undefined, bar: string) {
  const { cpuShare, late, counted } = window
  const ratio = (late[1] ?? 0) / (peer?.late[1] ?? 0)
  const expected = (dependencies * window.seconds) / interval
  return {
    'late p50, p99, max (ms)': late.map(each => each?.toFixed(1) ?? 'none').join('  '),
    'p99 ÷ setTimeout': Number.isFinite(ratio) ? ratio.toFixed(1) : '',
    'CPU (% of a core)': (100 * cpuShare).toFixed(1),
    bar,
    'checks expected': peer === undefined ? '' : expected.toFixed(0),
    completed: counted.checks ?? '',
    failed: counted.failed ?? '',
    skipped: counted.skipped ?? '',
    'heap, RSS (MiB)': `${window.heapMiB.toFixed(0)}  ${window.rssMiB.toFixed(0)}`,
  }
}

const timers = startChild('timers.ts', order)
await receive(timers)
const usual = await during(timers, () => sleep(windowMs))
timers.kill()

const subject = startChild('monitored.ts', order)
const { port } = await receive<Listening>(subject)
const idle = await during(subject, () => sleep(windowMs))
// The first scrape renders everything; that is not what every second costs.
await scrape(port, headers)
const scraped = await during(subject, () => scrapeEverySecond(port, headers, windowMs))
subject.kill()
targets.kill()

console.log(
  `${dependencies} ${kind} dependencies, every ${interval} s; ${(windowMs / 1_000).toFixed(0)} s a window`,
)
const cpuBar = kind === 'instant' ? ', CPU 3 %' : ''
console.table({
  'setTimeout each': row(usual, undefined, ''),
  'pulsecheck, idle': row(idle, usual, `p99 at most 2 ms${cpuBar}`),
  'pulsecheck, scraped': row(scraped, usual, 'p99 at most 25 ms'),
})
