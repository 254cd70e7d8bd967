/**
 * How evenly shards share dependencies, how many move to a further shard, and what one shard costs. The first two are
 * computed. For the last, the program as shipped runs as one of two shards with each of the given shares, one after the
 * other, half of it HTTP and half TCP, and is scraped once an interval.
 *
 *     node bench/shards.ts [--dependencies=100000] [--shards=20] [--shares=1000,5000] [--minutes=2] [--interval=15]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { shardOf } from '../src/service/shard.ts'
import { receive, startChild } from './support/child.ts'
import { nameOf } from './support/dependencies.ts'
import { parameters } from './support/parameters.ts'
import { accepts, gzip, read } from './support/scraper.ts'
import { type Started, startShipped } from './support/shipped.ts'
import type { Ports } from './support/targets.ts'

const { dependencies, shards, shares, minutes, interval } = parameters({
  dependencies: 100_000,
  shards: 20,
  shares: [1_000, 5_000],
  minutes: 2,
  interval: 15,
})
const names = Array.from({ length: dependencies }, (_, i) => nameOf(i))

function countsOf(total: number): readonly number[] {
  const counts = Array.from({ length: total }, () => 0)
  for (const name of names) {
    const index = shardOf(name, total)
    counts[index] = (counts[index] ?? 0) + 1
  }
  return counts
}

const startedAt = performance.now()
const counts = countsOf(shards)
const microseconds = ((performance.now() - startedAt) * 1_000) / dependencies
const moved = names.filter(name => shardOf(name, shards) !== shardOf(name, shards + 1)).length

console.log(`${dependencies} dependencies on ${shards} shards`)
console.table({
  'largest share over the mean': {
    value: ((Math.max(...counts) * shards) / dependencies).toFixed(3),
    bar: 'at most 1.1',
  },
  'smallest share over the mean': {
    value: ((Math.min(...counts) * shards) / dependencies).toFixed(3),
    bar: '',
  },
  'moved by one shard more, %': { value: ((100 * moved) / dependencies).toFixed(2), bar: 'at most 6' },
  'time to place one, µs': { value: microseconds.toFixed(2), bar: '' },
})

const targets = startChild('targets.ts')
const { tcp, http } = await receive<Ports>(targets)

/** A configuration of two shards with about as many dependencies each. */
function configOf(share: number): object {
  const urls = [`http://127.0.0.1:${http}/`, `tcp://127.0.0.1:${tcp}`]
  const dependencies = Array.from({ length: 2 * share }, (_, i) => [nameOf(i), urls[i % 2]])
  return {
    defaults: { interval: `${interval}s`, timeout: `${Math.min(interval, 5)}s` },
    server: { maxSeries: 10_000_000 },
    dependencies: Object.fromEntries(dependencies),
  }
}

/** As Prometheus scrapes. Returns the bytes of the last scrape, and how many of them failed. */
async function scrapeFor(
  shard: Started,
  ms: number,
): Promise<{ readonly bytes: number; readonly lost: number }> {
  const end = performance.now() + ms
  let [bytes, lost] = [0, 0]
  do {
    await sleep(Math.min(interval * 1_000, ms))
    // On a machine without a free core, the first scrape of many may take longer than an answer may.
    const scrape = read(shard.port, '/metrics', { accept: accepts.OpenMetrics, ...gzip })
    await scrape.then(
      read => (bytes = read),
      () => lost++,
    )
  } while (performance.now() < end)
  return { bytes, lost }
}

/** Tried again while the machine is too busy to read it in time. */
async function textOf(shard: Started, attempts = 20): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${shard.port}/metrics`)).text()
  } catch (error) {
    if (attempts === 1) throw error
    await sleep(1_000)
    return await textOf(shard, attempts - 1)
  }
}

async function costOf(share: number): Promise<Record<string, string>> {
  const shard = await startShipped(configOf(share), ['--shard.total=2', '--shard.index=0'])
  try {
    await scrapeFor(shard, interval * 1_000)
    const [cpuBefore, startedAt] = [shard.cpuSeconds(), performance.now()]
    const { bytes, lost } = await scrapeFor(shard, minutes * 60_000)
    const cpu = (shard.cpuSeconds() - cpuBefore) / ((performance.now() - startedAt) / 1_000)
    const { rss, own, peak } = shard.footprint()
    const lines = (await textOf(shard)).split('\n').filter(line => line !== '' && !line.startsWith('#'))
    const held = lines.filter(line => line.startsWith('dependency_up{')).length
    const skipped = lines.filter(line => line.startsWith('dependency_checks_skipped_total{'))
    return {
      dependencies: `${held} of ${2 * share}`,
      'answers after (s)': (shard.tookMs / 1_000).toFixed(1),
      'RSS (MiB)': rss.toFixed(0),
      'own (MiB)': own.toFixed(0),
      'peak (MiB)': peak.toFixed(0),
      'CPU, % of a core': (100 * cpu).toFixed(1),
      series: `${lines.length}`,
      'a scrape (KiB)': (bytes / 1_024).toFixed(0),
      'lost scrapes': `${lost}`,
      'skipped checks': `${skipped.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)}`,
    }
  } finally {
    await shard.stop()
  }
}

const costs: Record<string, Record<string, string>> = {}
for (const share of shares) costs[`1 of 2 shards of ${2 * share}`] = await costOf(share)
targets.kill()
console.log(
  `What one shard costs: checked and scraped every ${interval} s, for ${minutes} minutes after the first ${interval} s`,
)
console.table(costs)
