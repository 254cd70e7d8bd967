/**
 * Memory as shipped: the program with 10, 1,000 and 10,000 dependencies, each checked every 15 s, and a bare `node:http`
 * server, all side by side for some minutes and scraped every 15 s with gzip.
 *
 *     node bench/footprint.ts [--dependencies=10,1000,10000] [--minutes=10] [--interval=15]
 *       [--image=localhost/pulsecheck:dev [--memory=96] [--env=NAME=value]]
 *
 * Of ten dependencies, five are HTTP, three TCP, one PostgreSQL and one Redis, so that every program has loaded its
 * drivers; beyond the first hundred all are HTTP or TCP. RSS is what the kernel says of the process at the end, without
 * any forced collection; "own" is the part that it shares with no file. With `--image`, podman runs that image in place of
 * `dist/`, each in a container with so many MiB.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkerPassword, startPostgres } from '../test/support/postgres.ts'
import { startRedis } from '../test/support/redis.ts'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { nameOf } from './support/dependencies.ts'
import { startBareImage, startImage } from './support/image.ts'
import { parameters } from './support/parameters.ts'
import { accepts, gzip, read } from './support/scraper.ts'
import { type Started, startBare, startShipped } from './support/shipped.ts'
import type { Ports } from './support/targets.ts'

const bars: Readonly<Record<number, string>> = {
  10: 'at most 1.3 × bare',
  1000: 'at most 1.8 × bare',
  10000: 'at most 350 MiB',
}
/** Dependencies that hold a real database busy. */
const mixed = 100

const {
  dependencies: counts,
  minutes,
  interval,
  image,
  memory,
  env,
} = parameters({
  dependencies: [10, 1_000, 10_000],
  minutes: 10,
  interval: 15,
  image: '',
  memory: 96,
  env: 'NODE_ENV=production',
})
const container = { image, memory, flags: [`--env=${env}`] }
const startOurs = (config: object) => (image === '' ? startShipped(config) : startImage(config, container))
const targets = startChild('targets.ts')
const { tcp, http } = await receive<Ports>(targets)
const redis = await startRedis()
const postgres = await startPostgres({ hba: ['host all all all scram-sha-256'] })

const http1 = `http://127.0.0.1:${http}/`
const tcp1 = `tcp://127.0.0.1:${tcp}`
const cast = [
  http1,
  tcp1,
  {
    kind: 'postgres',
    host: '127.0.0.1',
    port: postgres.port,
    user: 'checker',
    password: checkerPassword,
    database: 'orders',
  },
  `redis://127.0.0.1:${redis.port}`,
  http1,
  tcp1,
  http1,
  http1,
  tcp1,
  http1,
]

function configOf(count: number): object {
  const urls = Array.from({ length: count }, (_, i) => [
    nameOf(i),
    i < mixed ? cast[i % cast.length] : i % 2 === 0 ? http1 : tcp1,
  ])
  return {
    defaults: { interval: `${interval}s`, timeout: `${Math.min(interval, 5)}s` },
    server: { maxSeries: 10_000_000 },
    dependencies: Object.fromEntries(urls),
  }
}

let lost = 0

async function scrapeRegularly({ port }: Started, path: string, until: number): Promise<void> {
  const headers = { accept: accepts.OpenMetrics, ...gzip }
  for (let next = performance.now(); next < until; next += interval * 1_000) {
    await sleep(Math.max(0, next - performance.now()))
    // On a machine without a free core, the first scrape of 10,000 may take longer than an answer may.
    await read(port, path, headers).catch(() => lost++)
  }
  await sleep(Math.max(0, until - performance.now()))
}

const bare = await (image === '' ? startBare() : startBareImage(container))
const ours = new Map<number, Started>()
try {
  for (const count of counts) ours.set(count, await startOurs(configOf(count)))
  const end = performance.now() + minutes * 60_000
  await Promise.all([
    scrapeRegularly(bare, '/healthz', end),
    ...[...ours.values()].map(each => scrapeRegularly(each, '/metrics', end)),
  ])
  const floor = bare.footprint().rss
  const row = (each: Started, bar: string) => {
    const { rss, own, peak } = each.footprint()
    return {
      'RSS (MiB)': rss.toFixed(0),
      '÷ bare': (rss / floor).toFixed(2),
      'own (MiB)': own.toFixed(0),
      'peak (MiB)': peak.toFixed(0),
      'CPU (s)': each.cpuSeconds().toFixed(1),
      bar,
    }
  }
  for (const [count, each] of ours) {
    const { rss } = each.footprint()
    const what = `RSS with ${count} dependencies after ${minutes} minutes`
    if (count > 1_000) hold({ what, value: rss, unit: ' MiB', atMost: 350 })
    else hold({ what, value: rss / floor, unit: ' × bare node:http', atMost: count > 10 ? 1.8 : 1.3 })
  }
  console.log(`RSS after ${minutes} minutes, checked and scraped every ${interval} s; ${lost} scrapes lost`)
  console.table({
    'bare node:http': row(bare, ''),
    ...Object.fromEntries(
      [...ours].map(([count, each]) => [
        `${count} dependencies`,
        row(each, bars[count] ?? 'at most 1.8 × bare'),
      ]),
    ),
  })
} finally {
  await Promise.all([bare, ...ours.values()].map(each => each.stop()))
  targets.kill()
  await redis.remove()
  await postgres.stop()
}
