/**
 * The longest time for which a reload, a scrape and `/health` keep the event loop: what a probe that comes at the worst
 * moment waits.
 *
 *     node bench/reload.ts [--dependencies=10000] [--rounds=5] [--share=0.01] [--kind=tcp]
 *
 * A service reloads its own file in one process with a ticker of 1 ms; the longest gap between two ticks, less that
 * millisecond, is the block. Beside it stands the processor time that the main thread took between two ticks: a
 * neighbour on the machine makes the gap longer, and not that. A scrape comes before the first round, so that a format is kept rendered. `--share` of
 * the dependencies get another timeout in each round, in a second table all of them. Checks that follow are not counted:
 * the interval is a day, and a round begins after the checks of the one before.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { saveMemory } from '../src/cli/run.ts'
import { kinds } from '../src/kinds/index.ts'
import { type Service, startService } from '../src/service.ts'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { nameOf } from './support/dependencies.ts'
import { parameters } from './support/parameters.ts'
import type { Reading } from './support/reader.ts'
import { accepts, gzip, type Headers } from './support/scraper.ts'
import { median } from './support/statistics.ts'
import type { Ports } from './support/targets.ts'

const { dependencies, rounds, share, kind } = parameters({
  dependencies: 10_000,
  rounds: 5,
  share: 0.01,
  kind: 'tcp',
})

const quiet = () => {}
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
const file = join(folder, 'pulsecheck.yml')
const targets = startChild('targets.ts')
const { tcp } = await receive<Ports>(targets)

/** The file of a round: the first dependencies have a timeout of their own. */
function write(changed: number, round: number): void {
  const target = `${kind}://127.0.0.1:${tcp}`
  const lines = Array.from({ length: dependencies }, (_, i) =>
    i < changed
      ? `  ${nameOf(i)}: { kind: ${kind}, url: "${target}", timeout: ${1_000 + round}ms }`
      : `  ${nameOf(i)}: ${target}`,
  )
  const head = 'defaults: { interval: 1d }\nserver: { listen: ["127.0.0.1:0"], maxSeries: 100000000 }'
  writeFileSync(file, `${head}\ndependencies:\n${lines.join('\n')}\n`)
}

interface Taken {
  readonly longest: number
  readonly cpu: number
  readonly took: number
}

/** How long the loop stood still for at most while this ran, the most that the thread computed meanwhile, and the whole. */
async function blocks(work: () => Promise<unknown>): Promise<Taken> {
  const computed = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  const started = performance.now()
  let [longest, cpu, last, lastCpu] = [0, 0, started, computed()]
  const tick = () => {
    const [now, nowCpu] = [performance.now(), computed()]
    longest = Math.max(longest, now - last - 1)
    cpu = Math.max(cpu, nowCpu - lastCpu)
    last = now
    lastCpu = nowCpu
  }
  const ticker = setInterval(tick, 1)
  await work()
  const took = performance.now() - started
  // What the work has put off to the next turns belongs to it.
  await sleep(5)
  clearInterval(ticker)
  tick()
  return { longest, cpu, took }
}

/** Ten thousand first checks take seconds of the loop, which are none of a reload's. */
async function firstChecks({ monitor }: Service): Promise<void> {
  while (monitor.state.snapshot().states.some(({ last }) => last === undefined)) await sleep(500)
}

async function measure(service: Service, changed: number, before: number) {
  const taken: Taken[] = []
  for (let round = 0; round < rounds; round++) {
    write(changed, before + round)
    taken.push(await blocks(service.reload))
    // The changed ones are checked within a second; a round must not see it.
    await sleep(1_500)
  }
  return summarize(`reload of ${dependencies}, ${changed} changed`, taken)
}

const reader = startChild('reader.ts')
await receive(reader)

/** In another process, whose work is none of the loop's. */
function readElsewhere(service: Service, path: string, headers: Headers): Promise<unknown> {
  const { port } = new URL(service.urls[0] ?? '')
  return receive(reader, { port: Number(port), path, headers } satisfies Reading)
}

async function measureReading(service: Service, path: string, headers: Headers) {
  const once = () => readElsewhere(service, path, headers)
  const taken: Taken[] = []
  for (let round = 0; round < rounds; round++) {
    taken.push(await blocks(once))
    // A report that has just been made is shared for a moment.
    await sleep(1_500)
  }
  return summarize(`${path} of ${dependencies}`, taken)
}

function summarize(what: string, taken: readonly Taken[]) {
  const longest = taken.map(({ longest }) => longest)
  hold({ what: `longest block, median: ${what}`, value: median(longest), unit: ' ms', atMost: 10 })
  hold({
    what: `longest block, worst of ${rounds}: ${what}`,
    value: Math.max(...longest),
    unit: ' ms',
    atMost: 20,
  })
  return {
    'longest block, median (ms)': median(longest).toFixed(1),
    'worst (ms)': Math.max(...longest).toFixed(1),
    'CPU of one block, median (ms)': median(taken.map(({ cpu }) => cpu)).toFixed(1),
    'whole, median (ms)': median(taken.map(({ took }) => took)).toFixed(0),
    bar: 'at most 10, worst 20 ms',
  }
}

try {
  write(0, 0)
  const service = await startService({ configFile: file, env: {}, kinds, logger })
  // As the command line does soon after the start: a small young generation is collected in short pauses.
  saveMemory()
  await firstChecks(service)
  await readElsewhere(service, '/metrics', { accept: accepts.OpenMetrics, ...gzip })
  await sleep(1_500)
  const nothing = await measure(service, 0, 0)
  const some = await measure(service, Math.max(1, Math.round(share * dependencies)), 0)
  const all = await measure(service, dependencies, rounds)
  const scraped = await measureReading(service, '/metrics', { accept: accepts.OpenMetrics, ...gzip })
  const health = await measureReading(service, '/health', {})
  console.log(`${dependencies} ${kind} dependencies, ${rounds} rounds`)
  console.table({
    'reload, none changed': nothing,
    [`reload, ${100 * share} % changed`]: some,
    'reload, all changed': all,
    'scrape, OpenMetrics, gzip': scraped,
    '/health': health,
  })
  await service.stop()
} finally {
  targets.kill()
  reader.kill()
  rmSync(folder, { recursive: true })
}
process.exit()
