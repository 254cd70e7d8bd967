/**
 * Memory per 1,000 dependencies: RSS over the same process without dependencies, before any scrape, after scrapes in one
 * format, and in all three; after forced collections. Beside it prom-client with as many series, one scrape of it.
 *
 *     node bench/memory.ts [--dependencies=1000,10000] [--seconds=10]
 *
 * `instant` dependencies hold no socket; `tcp` ones are asked for real, 1,000 a second over all. Every figure is of a process of
 * its own that had results for the given time. RSS is what the kernel gave the process and it has not given back; the heap
 * stands beside it; the difference is mostly rendered pages, history, and room that V8 keeps. A process that works takes more
 * than one that idles, whatever their number: "each further 1,000" is without that.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { receive, startChild } from './support/child.ts'
import type { Dependencies } from './support/dependencies.ts'
import type { Listening } from './support/monitored.ts'
import { parameters } from './support/parameters.ts'
import { accepts, gzip, scrape } from './support/scraper.ts'
import type { Ports } from './support/targets.ts'
import type { Window } from './support/window.ts'

const { dependencies: counts, seconds } = parameters({ dependencies: [1_000, 10_000], seconds: 10 })
/** A format is first rendered wholly, then patched in place, and copied where a reader holds it: all must have happened. */
const scrapesPerFormat = 3
const formats = Object.values(accepts)

const targets = startChild('targets.ts')
const { tcp: tcpPort } = await receive<Ports>(targets)

/** MiB of RSS, at the end also of the heap: not scraped, then after each format. */
async function measure(file: string, order: Dependencies, accepted: readonly string[]) {
  const subject = startChild(file, order)
  const { port } = await receive<Listening>(subject)
  const steps: Window[] = []
  const look = async () => {
    await sleep((seconds * 1_000) / (accepted.length + 1))
    steps.push(await receive<Window>(subject, 'close'))
  }
  await look()
  for (const accept of accepted) {
    for (let i = 0; i < scrapesPerFormat; i++) await scrape(port, { accept, ...gzip })
    await look()
  }
  subject.kill()
  return { rss: steps.map(({ rssMiB }) => rssMiB), heap: steps.at(-1)?.heapMiB ?? Number.NaN }
}

interface Measured {
  readonly dependencies: number
  readonly rss: readonly number[]
  readonly heap: number
}

function per1000(more: Measured, less: Measured): Record<string, string> {
  const thousands = (more.dependencies - less.dependencies) / 1_000
  const [notScraped, oneFormat, , allThree] = more.rss.map((each, i) => each - (less.rss[i] ?? 0))
  const show = (mib: number | undefined) => (mib === undefined ? '' : (mib / thousands).toFixed(1))
  return {
    'not scraped': show(notScraped),
    'one format': show(oneFormat),
    'all three': show(allThree),
    'heap, at the end': show(more.heap - less.heap),
  }
}

const whole = (mib: readonly number[]) => mib.map(each => each.toFixed(0)).join('  ')
const none = { dependencies: 0, intervalMs: 1_000 }

const sides = [
  { name: 'instant', file: 'monitored.ts', order: {}, accepted: formats },
  { name: 'tcp', file: 'monitored.ts', order: { tcpPort }, accepted: formats },
  { name: 'prom-client', file: 'prom-client.ts', order: {}, accepted: formats.slice(0, 1) },
]
const rows: Record<string, Record<string, string>> = {}
for (const { name, file, order, accepted } of sides) {
  const bar = file === 'monitored.ts' ? 'at most 25' : ''
  let before = { dependencies: 0, ...(await measure(file, { ...order, ...none }, accepted)) }
  const idle = before
  for (const dependencies of counts) {
    const intervalMs = Math.max(1_000, dependencies)
    const now = { dependencies, ...(await measure(file, { ...order, dependencies, intervalMs }, accepted)) }
    rows[`${name}, ${dependencies}`] = { ...per1000(now, idle), bar, 'RSS of the process': whole(now.rss) }
    if (before !== idle) rows[`${name}, each further 1,000`] = { ...per1000(now, before), bar }
    before = now
  }
  rows[`${name}, none`] = { 'RSS of the process': whole(idle.rss) }
}
targets.kill()
const last = counts.at(-1)
const ratio =
  Number(rows[`instant, ${last}`]?.['one format']) / Number(rows[`prom-client, ${last}`]?.['one format'])
console.log('MiB of RSS per 1,000 dependencies, over the process without dependencies')
console.table(rows)
console.log(`pulsecheck ÷ prom-client at ${last}, scraped in one format: ratio ${ratio.toFixed(2)}`)
