/**
 * What a scrape costs when everything has changed since the last one: `node bench/scrape.ts [--subjects=10,1000,10000] [--rounds=11]`.
 *
 * Side by side in one run, on the same series, each in a process of its own: our exposition in each format, plain and
 * gzip; prom-client's `registry.metrics()`; and the floor, one memcpy of the same text sent as one buffer. This
 * process is the scraper. "loop" is how long the event loop was busy with one scrape, socket included, less what an
 * empty answer costs; "block" is the longest time between two turns of the loop, the median scrape's and the worst's.
 * Both are wall time (the thread's CPU time comes in steps of 4 ms): run it on a machine with nothing else to do.
 */
import type { ChildProcess } from 'node:child_process'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { parameters } from './support/parameters.ts'
import type { ScrapedOrder } from './support/scraped.ts'
import { accepts, gzip, type Headers, read } from './support/scraper.ts'
import { median } from './support/statistics.ts'

interface Side {
  readonly name: string
  readonly whose: ScrapedOrder['whose']
  readonly headers: Headers
}

const { subjects: counts, rounds } = parameters({ subjects: [10, 1_000, 10_000], rounds: 11 })
const warmUp = 5
const sides: readonly Side[] = [
  ...Object.entries(accepts).flatMap(([format, accept]): Side[] => [
    { name: `ours, ${format}`, whose: 'ours', headers: { accept } },
    { name: `ours, ${format}, gzip`, whose: 'ours', headers: { accept, ...gzip } },
  ]),
  { name: 'memcpy, text', whose: 'memcpy', headers: {} },
  { name: 'prom-client, text', whose: 'prom-client', headers: {} },
]
for (const count of counts) await measure(count)
console.log('bars: 1,000 keep the loop busy for at most 1 ms; 10,000 for at most 25 ms, no block above 10 ms')

async function measure(count: number): Promise<void> {
  const running = []
  for (const side of sides) running.push({ ...side, ...(await start(side.whose, count)) })
  const figures = running.map(side => ({ ...side, loop: [0], block: [0], took: [0], change: [0], bytes: 0 }))
  for (let round = -warmUp; round < rounds; round++)
    for (const side of figures) {
      const scraped = await scrapeOnce(side)
      side.bytes = scraped.bytes
      for (const key of ['loop', 'block', 'took', 'change'] as const) {
        if (round === 0) side[key] = []
        side[key].push(scraped[key])
      }
    }
  for (const { child } of running) child.kill()
  print(count, figures)
}

interface Figures {
  name: string
  bytes: number
  loop: number[]
  block: number[]
  took: number[]
  change: number[]
}

function print(count: number, figures: readonly Figures[]): void {
  const [floor, peer] = figures.slice(-2).map(({ loop, bytes }) => ({ loop: median(loop), bytes }))
  // Below a twentieth of a millisecond there is only noise to compare.
  const ratio = (above = 0, below = 0) => (Math.min(above, below) < 0.05 ? '' : (above / below).toFixed(1))
  console.log(`\n${count} subjects of 22 lines, all changed; medians of ${rounds} scrapes, milliseconds`)
  const loopOf = (wanted: string) => median(figures.find(({ name }) => name === wanted)?.loop ?? [])
  if (count === 1_000) {
    hold({ what: 'scrape of 1,000, text: loop time', value: loopOf('ours, text'), unit: ' ms', atMost: 1 })
    const gzipped = loopOf('ours, OpenMetrics, gzip')
    hold({ what: 'scrape of 1,000, OpenMetrics, gzip: loop time', value: gzipped, unit: ' ms', atMost: 1.2 })
  }
  const rows = figures.map(({ name, bytes, loop, block, took, change }) => [
    name,
    {
      MB: (bytes / 1e6).toFixed(3),
      'times smaller': ((floor?.bytes ?? 0) / bytes).toFixed(1),
      loop: median(loop).toFixed(2),
      'prom-client ÷ this': ratio(peer?.loop, median(loop)),
      'this ÷ memcpy': ratio(median(loop), floor?.loop),
      'block, median': median(block).toFixed(2),
      'block, worst': Math.max(...block).toFixed(2),
      'until read': median(took).toFixed(1),
      'µs per change': median(change).toFixed(1),
    },
  ])
  console.table(Object.fromEntries(rows))
}

async function start(whose: ScrapedOrder['whose'], count: number) {
  const child = startChild('scraped.ts', { whose, count } satisfies ScrapedOrder)
  const { port } = await receive<{ port: number }>(child)
  return { child, port }
}

async function scrapeOnce(side: { child: ChildProcess; port: number; headers: Headers }) {
  const { child, port, headers } = side
  const { changeUs: change = 0 } = await ask(child, 'change')
  const empty = await busy(child, 'start', () => read(port, '/empty', {}))
  const scrape = await busy(child, 'start', () => read(port, '/metrics', headers))
  await ask(child, 'change')
  const watched = await busy(child, 'watch', () => read(port, '/metrics', headers))
  return {
    bytes: scrape.bytes,
    loop: scrape.busyMs - empty.busyMs,
    block: watched.longestMs,
    took: scrape.tookMs,
    change,
  }
}

async function busy(child: ChildProcess, order: string, run: () => Promise<number>) {
  await ask(child, order)
  const started = performance.now()
  const bytes = await run()
  const tookMs = performance.now() - started
  const { busyMs = Number.NaN, longestMs = Number.NaN } = await ask(child, 'stop')
  return { bytes, tookMs, busyMs, longestMs }
}

function ask(child: ChildProcess, order: string): Promise<Record<string, number>> {
  return receive(child, order)
}
