/** What others make of us: promtool, and a real Prometheus for each format. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import { createHistogram } from '../../src/exposition/histogram.ts'
import { type Prometheus, startPrometheus } from '../support/prometheus.ts'
import { accepts, bodyOf, everyType } from './families.ts'

const hostileNames = ['plain', '1,b:2', 'q"uo\\te\nd', 'uni é😀', 'cr\r', '2"} 7\nthing_up{thing="evil']
const shownNames = hostileNames.map(name => name.replace('\r', '␍'))

/** Durations from 1 ms to 10 s, log-uniform: a fixed sequence, so that the exact quantiles are known. */
const durations = Array.from({ length: 5_000 }, (_, i) => 0.001 * 10_000 ** (((i * 7919) % 5_003) / 5_003))

const exposition = createExposition()
const group = exposition.group(everyType)
for (const name of hostileNames) {
  const histogram = createHistogram({ buckets: [0.01, 1, 2.5], native: {}, createdSeconds: 1_700_000_000 })
  group.set(name, { name, value: name.length, histogram })
  for (const duration of durations)
    histogram.observe(duration, { labels: { trace_id: 'slow' }, timestamp: Date.now() / 1000 })
  group.set(name, { name, value: name.length, histogram })
}

test('promtool finds nothing to say', async () => {
  const child = spawn('promtool', ['check', 'metrics'])
  const exited = once(child, 'exit')
  const printed = Promise.all([textOf(child.stdout), textOf(child.stderr)])
  child.stdin.end(bodyOf(await exposition.respond(accepts.text, undefined)))
  expect({ printed: await printed, code: (await exited)[0] }).toEqual({ printed: ['', ''], code: 0 })
})

describe('Prometheus', () => {
  const asked: string[] = []
  let server: Server
  let prometheus: Prometheus

  beforeAll(async () => {
    server = createServer(async ({ url = '', headers }, response) => {
      asked.push(headers.accept ?? '')
      const forced = accepts[url.slice(1) as keyof typeof accepts] ?? headers.accept
      const answer = await exposition.respond(forced, headers['accept-encoding'] as string)
      response.setHeader('Content-Type', answer.contentType)
      if (answer.contentEncoding !== undefined) response.setHeader('Content-Encoding', answer.contentEncoding)
      response.end(bodyOf(answer))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    prometheus = await startPrometheus(config((server.address() as AddressInfo).port))
    await until(async () => (await prometheus.query('count(thing_up) by (job)')).length === 4)
  })
  afterAll(async () => {
    await prometheus?.stop()
    server?.closeAllConnections()
    server?.close()
  })

  test('asks for protobuf first, and gets it', async () => {
    expect(asked.some(accept => accept.startsWith('application/vnd.google.protobuf'))).toBe(true)
    const targets = (await prometheus.api('/api/v1/targets')) as {
      activeTargets: { health: string; lastError: string }[]
    }
    expect(targets.activeTargets.map(({ health, lastError }) => ({ health, lastError }))).toEqual(
      Array(4).fill({ health: 'up', lastError: '' }),
    )
  })

  test.each(['text', 'openMetrics', 'protobuf', 'metrics'])(
    '%s: every label value arrives as one series',
    async job => {
      const up = await prometheus.query(`thing_up{job="${job}"}`)
      const values = Object.fromEntries(up.map(({ metric, value }) => [metric.thing, Number(value?.[1])]))
      expect(values).toEqual(Object.fromEntries(hostileNames.map((name, i) => [shownNames[i], name.length])))
      const checks = await prometheus.query(`thing_checks_total{job="${job}"}`)
      expect(checks.map(({ value }) => value?.[1])).toEqual(Array(hostileNames.length).fill('3'))
    },
  )

  test.each([
    ['text', '1'],
    ['openMetrics', '1.0'],
  ])('%s: classic buckets have the usual bounds', async (job, le) => {
    const [bucket] = await prometheus.query(`thing_seconds_bucket{job="${job}",thing="plain",le="${le}"}`)
    expect(Number(bucket?.value?.[1])).toBe(durations.filter(value => value <= 1).length)
    const bounds = await prometheus.query(`thing_seconds_bucket{job="${job}",thing="plain"}`)
    expect(bounds.map(({ metric }) => metric.le).sort()).toEqual(['+Inf', '0.01', le, '2.5'].sort())
  })

  test('OpenMetrics: creation times are series, exemplars are kept', async () => {
    const [created] = await prometheus.query('thing_checks_created{job="openMetrics",thing="plain"}')
    expect(Number(created?.value?.[1])).toBe(1_700_000_000.25)
    const now = Date.now() / 1000
    const found = await prometheus.api(
      `/api/v1/query_exemplars?query=${encodeURIComponent('thing_seconds_bucket{job="openMetrics",thing="plain"}')}&start=${now - 3600}&end=${now + 60}`,
    )
    const exemplars = (found as { exemplars: { labels: object }[] }[]).flatMap(series => series.exemplars)
    expect(exemplars.length).toBeGreaterThan(0)
    expect(exemplars[0]?.labels).toEqual({ trace_id: 'slow' })
  })

  describe('native histograms', () => {
    // Schema 3: two bounds of a bucket differ by 2^(1/8), so an estimate inside the right bucket is off by no more.
    const factor = 2 ** (1 / 8)
    const sorted = durations.toSorted((a, b) => a - b)

    test.each([0.05, 0.25, 0.5, 0.9, 0.99, 0.999])(
      'quantile %d is within the error of the schema',
      async q => {
        const [estimate] = await prometheus.query(
          `histogram_quantile(${q}, thing_seconds{job="protobuf",thing="plain"})`,
        )
        const exact = sorted[Math.ceil(q * sorted.length) - 1]!
        const ratio = Number(estimate?.value?.[1]) / exact
        expect(ratio).toBeLessThanOrEqual(factor)
        expect(ratio).toBeGreaterThanOrEqual(1 / factor)
      },
    )

    test('count and sum are exact', async () => {
      const [count] = await prometheus.query('histogram_count(thing_seconds{job="protobuf",thing="plain"})')
      expect(count?.value?.[1]).toBe(String(durations.length))
      const [sum] = await prometheus.query('histogram_sum(thing_seconds{job="protobuf",thing="plain"})')
      expect(Number(sum?.value?.[1])).toBeCloseTo(
        durations.reduce((all, value) => all + value, 0),
        6,
      )
    })
  })
})

function config(port: number): string {
  const jobs = [...Object.keys(accepts), 'metrics'].map(
    job => `  - job_name: ${job}
    metrics_path: /${job}
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
`,
  )
  return `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n${jobs.join('')}`
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited for 20 s in vain')
    await sleep(100)
  }
}
