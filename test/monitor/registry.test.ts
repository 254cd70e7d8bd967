/** One `/metrics` for an application and its monitor, with the registry of prom-client and with that of its successor. */
import * as successor from '@prometheus-io/client'
import * as promClient from 'prom-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { check } from '../../src/monitor/check.ts'
import type { Monitor, MonitorOptions } from '../../src/monitor/interface.ts'
import { createMonitor } from '../../src/monitor.ts'
import { parseProtobuf } from '../exposition/parse-protobuf.ts'
import { createFakeClock } from '../support/clock.ts'

const openMetrics = 'application/openmetrics-text;version=1.0.0'
const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

async function checked(options: Partial<MonitorOptions> = {}): Promise<Monitor> {
  const clock = createFakeClock()
  const jobs = check(async ({ measure }) => measure('depth', 3), {
    interval: '10s',
    measurements: { depth: 'Jobs that wait.' },
  })
  const monitor = createMonitor({ clock, dependencies: { jobs }, ...options })
  onTestFinished(async () => void (await Promise.all([monitor.stop(), clock.advance(1_000)])))
  monitor.start()
  await clock.advance(1_000)
  return monitor
}

/** The samples of a text, without those that depend on the moment of reading. */
function samplesOf(text: string): readonly string[] {
  const own = /^(?:dependency|pulsecheck)_/
  const lines = text
    .split('\n')
    .filter(line => own.test(line) && !/_created|scheduler_lag|status_seconds/.test(line))
  return lines.map(line => line.replace(/ # \{.*$/, '')).sort()
}

describe.each([
  ['prom-client', promClient],
  ['@prometheus-io/client', successor as unknown as typeof promClient],
])('with %s', (_, { Registry, Counter, Gauge, Histogram, Summary }) => {
  test('our families in its registry are the samples of our own scrape', async () => {
    const monitor = await checked()
    const registry = new Registry()
    monitor.exportTo(registry)
    const own = await monitor.metrics()
    expect(samplesOf(await registry.metrics())).toEqual(samplesOf(own.body.toString()))
    expect(samplesOf(own.body.toString())).toContain(
      'dependency_custom_depth{dependency="jobs",kind="custom"} 3',
    )
  })

  test('and so they are in OpenMetrics, and as JSON', async () => {
    const monitor = await checked()
    const registry = new Registry() as promClient.Registry<promClient.OpenMetricsContentType>
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    monitor.exportTo(registry)
    const text = await registry.metrics()
    expect(text).toContain('# TYPE dependency_checks counter\n')
    expect(text).toContain('dependency_checks_total{dependency="jobs",kind="custom"} 1\n')
    const own = await monitor.metrics({ accept: openMetrics })
    expect(samplesOf(text).length).toBe(samplesOf(own.body.toString()).length)
  })

  test('what comes later is there, and what is taken out is gone', async () => {
    const monitor = await checked()
    const registry = new Registry()
    const remove = monitor.exportTo(registry)
    monitor.add(
      'more',
      check(async () => {}, { measurements: { later: 'Later.' } }),
    )
    expect(await registry.metrics()).toContain('# HELP dependency_custom_later Later.')
    remove()
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  test('every scrape shows one moment, whatever changes while it is prepared', async () => {
    const monitor = await checked()
    const registry = new Registry()
    monitor.exportTo(registry)
    const own = check(async () => {})
    const scrapes: Promise<string>[] = []
    // In every turn of the microtask queue, a dependency comes or goes, and two more scrapes begin.
    for (let i = 0; i < 100; i++) {
      if (!monitor.remove('jobs')) monitor.add('jobs', own)
      scrapes.push(
        registry.metrics(),
        monitor.metrics().then(({ body }) => body.toString()),
      )
      await undefined
    }
    for (const text of await Promise.all(scrapes)) {
      const count = (family: string) => text.split(`\n${family}{`).length - 1
      // A dependency that is new has no result yet, so that nothing is ready as long as there is one.
      const isReady = text.includes('\npulsecheck_ready 1\n')
      const critical = count('dependency_critical')
      expect([count('dependency_info'), isReady]).toEqual([critical, critical === 0])
    }
  })

  test('one scrape shows one moment, although the registry asks each metric by itself', async () => {
    const monitor = await checked()
    const registry = new Registry()
    monitor.exportTo(registry)
    const scrape = registry.metrics()
    monitor.remove('jobs')
    const text = await scrape
    const names = [
      'dependency_up',
      'dependency_checks_total',
      'dependency_custom_depth',
      'dependency_critical',
    ]
    const seen = names.map(name => text.includes(`\n${name}{`))
    expect(new Set(seen).size).toBe(1)
  })

  test('a name that is taken there is told, and nothing of ours stays', async () => {
    const monitor = await checked()
    const registry = new Registry()
    new Gauge({ name: 'dependency_critical', help: 'Mine.', registers: [registry] })
    expect(() => monitor.exportTo(registry)).toThrow('dependency_critical has already been registered')
    expect(registry.getMetricsAsArray()).toHaveLength(1)
  })

  test('its metrics are in our scrape, in every format', async () => {
    const monitor = await checked()
    const registry = new Registry()
    monitor.include(registry)
    const registers = [registry]
    const orders = new Counter({ name: 'orders_total', help: 'Orders.', labelNames: ['shop'], registers })
    orders.inc({ shop: 'a"b' }, 2)
    new Counter({ name: 'visits', help: 'Visits.', registers }).inc()
    new Gauge({ name: 'open_carts', help: 'Carts.', registers }).set(-1.5)
    const took = new Histogram({
      name: 'took_seconds',
      help: 'Time.',
      buckets: [0.1, 1],
      labelNames: ['to'],
      registers,
    })
    took.observe({ to: 'x' }, 0.5)
    new Summary({ name: 'size_bytes', help: 'Size.', percentiles: [0.5], registers }).observe(10)
    const text = (await monitor.metrics()).body.toString()
    for (const line of [
      '# TYPE orders_total counter',
      'orders_total{shop="a\\"b"} 2',
      'visits_total 1',
      'open_carts -1.5',
      'took_seconds_bucket{to="x",le="0.1"} 0',
      'took_seconds_bucket{to="x",le="+Inf"} 1',
      'took_seconds_sum{to="x"} 0.5',
      'size_bytes{quantile="0.5"} 10',
      'size_bytes_count 1',
    ])
      expect(text.split('\n')).toContain(line)
    const open = (await monitor.metrics({ accept: openMetrics })).body.toString()
    expect(open).toContain('# TYPE orders counter\norders_total{shop="a\\"b"} 2\n'.split('\n')[0])
    expect(open.endsWith('# EOF\n')).toBe(true)
    const families = parseProtobuf((await monitor.metrics({ accept: protobuf })).body)
    const names = families.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['orders_total', 'open_carts', 'took_seconds', 'dependency_up']),
    )
    orders.inc({ shop: 'c' })
    expect((await monitor.metrics()).body.toString()).toContain('orders_total{shop="c"} 1\n')
  })

  test('one registry goes one way', async () => {
    const monitor = await checked()
    const registry = new Registry()
    const remove = monitor.exportTo(registry)
    expect(() => monitor.include(registry)).toThrow('not both')
    remove()
    monitor.include(registry)
    expect(() => monitor.exportTo(registry)).toThrow('not both')
  })

  test('what clashes with ours is left out and logged, and a registry that fails harms nobody', async () => {
    const errors: unknown[] = []
    const monitor = await checked({ logger: { error: fields => errors.push(fields) } })
    const registry = new Registry()
    new Gauge({ name: 'dependency_up', help: 'Mine.', registers: [registry] })
    new Gauge({ name: 'mine', help: 'Mine.', registers: [registry] })
    monitor.include(registry)
    const text = (await monitor.metrics()).body.toString()
    expect(text).toContain('\nmine 0\n')
    expect(errors).toEqual([
      { family: 'dependency_up', cause: 'TypeError: two families show the name dependency_up' },
    ])
    const collect = () => {
      throw new Error('from a collector')
    }
    new Gauge({ name: 'broken', help: 'Broken.', registers: [registry], collect })
    expect((await monitor.metrics()).body.toString()).toContain('\ndependency_up{')
  })
})

test('no default registry is touched', async () => {
  const monitor = await checked()
  await monitor.metrics()
  expect(promClient.register.getMetricsAsArray()).toEqual([])
  expect(successor.register.getMetricsAsArray()).toEqual([])
})
