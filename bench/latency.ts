/**
 * How long probes wait while `/metrics` is scraped every second and all dependencies change: `/healthz` and `/readyz` of
 * Pulsecheck, beside prom-client with as many series in the same place (a bare `node:http` server that renders them).
 *
 *     node bench/latency.ts [--dependencies=10000] [--seconds=15] [--rate=500] [--readyRate=50]
 *
 * Every dependency has a new result every `dependencies` milliseconds: 1,000 a second over all, whatever their number.
 * Latencies count from when a request was due (support/constant-load.ts). `/readyz` names every dependency, so its answer
 * is large here and is asked for less often. prom-client has one format and no gzip; ours is also scraped as Prometheus asks.
 */
import { receive, startChild } from './support/child.ts'
import type { Latencies, Load } from './support/constant-load.ts'
import type { Dependencies } from './support/dependencies.ts'
import type { Listening } from './support/monitored.ts'
import { parameters } from './support/parameters.ts'
import { accepts, gzip, type Headers, type Scrape, scrape, scrapeEverySecond } from './support/scraper.ts'
import { median } from './support/statistics.ts'

const { dependencies, seconds, rate, readyRate } = parameters({
  dependencies: 10_000,
  seconds: 15,
  rate: 500,
  readyRate: 50,
})
const order: Dependencies = { dependencies, intervalMs: Math.max(1_000, dependencies) }
/** Before it counts: a few scrapes in the same way, and probes for so long. */
const warmUpScrapes = 3
const warmUpMs = 1_000
const text = { accept: accepts.text }
const scrapedAs: Readonly<Record<string, Headers>> = {
  'as text': text,
  'as Prometheus asks': { accept: accepts.OpenMetrics, ...gzip },
}

interface Figures {
  readonly healthz: Latencies
  readonly readyz: Latencies
  readonly scrapes: readonly Scrape[]
}

const load = startChild('constant-load.ts')
await receive(load)

/** Not scraped at first, then in each way. */
async function measureAll(file: string, ways: Readonly<Record<string, Headers>>) {
  const subject = startChild(file, order)
  const { port } = await receive<Listening>(subject)
  await measure(port, warmUpMs)
  await receive(subject, 'open')
  const ms = seconds * 1_000
  const found: Record<string, Figures> = { 'not scraped': await measure(port, ms) }
  for (const [way, headers] of Object.entries(ways)) {
    for (let i = 0; i < warmUpScrapes; i++) await scrape(port, headers)
    found[way] = await measure(port, ms, headers)
  }
  subject.kill()
  return found
}

async function measure(port: number, ms: number, headers?: Headers): Promise<Figures> {
  const loads: readonly Load[] = [
    { port, ms, path: '/healthz', rate },
    { port, ms, path: '/readyz', rate: readyRate },
  ]
  const answered = receive<[Latencies, Latencies]>(load, loads)
  const scrapes = headers === undefined ? [] : await scrapeEverySecond(port, headers, ms)
  const [healthz, readyz] = await answered
  return { healthz, readyz, scrapes }
}

function row({ healthz, readyz, scrapes }: Figures, peer: Figures | undefined, bar: string) {
  const spread = ({ p50, p99, max }: Latencies) => [p50, p99, max].map(each => each.toFixed(1)).join('  ')
  const ratio = (path: 'healthz' | 'readyz') =>
    peer === undefined ? '' : (peer[path].p99 / { healthz, readyz }[path].p99).toFixed(1)
  const each = (of: (scrape: Scrape) => number) =>
    scrapes.length === 0 ? '' : median(scrapes.map(of)).toFixed(1)
  return {
    '/healthz p50, p99, max': spread(healthz),
    'peer ÷ this': ratio('healthz'),
    bar,
    '/readyz p50, p99, max': spread(readyz),
    'peer ÷ this ': ratio('readyz'),
    failed: healthz.failed + readyz.failed,
    'own lateness p99': healthz.ownLateP99.toFixed(1),
    scrapes: scrapes.length,
    'took (ms)': each(({ tookMs }) => tookMs),
    MB: each(({ bytes }) => bytes / 1e6),
  }
}

const ours = await measureAll('monitored.ts', scrapedAs)
const peer = await measureAll('prom-client.ts', { 'as text': text })
load.kill()

console.log(
  `${dependencies} dependencies, all changing, ${seconds} s each; /healthz ${rate}/s, /readyz ${readyRate}/s; milliseconds`,
)
const rows = Object.entries(ours).map(([way, figures]) => {
  const bar = way === 'not scraped' ? 'p99 at most 2.5 ms' : 'p99 at most 15 ms'
  return [`pulsecheck, ${way}`, row(figures, peer[way] ?? peer['as text'], bar)]
})
const peerRows = Object.entries(peer).map(([way, figures]) => [
  `prom-client, ${way}`,
  row(figures, undefined, ''),
])
console.table(Object.fromEntries([...rows, ...peerRows]))
