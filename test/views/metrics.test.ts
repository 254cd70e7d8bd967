import { describe, expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { HistogramValue } from '../../src/exposition/family.ts'
import type { Dependency } from '../../src/model/dependency.ts'
import { createStore } from '../../src/state/store.ts'
import { followState } from '../../src/views/metrics.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { replace } from '../support/replace.ts'
import { failure, success } from '../support/results.ts'

function setUp(overrides: Partial<Dependency> = {}, native = true) {
  const clock = createFakeClock()
  const store = createStore(clock)
  const onError = (error: unknown) => {
    throw error
  }
  const exposition = createExposition({ now: clock.now, onError })
  const { rendered } = followState(exposition, store, { buckets: [0.01, 1], native })
  store.put(dependency(overrides))
  const scrape = async (accept?: string) => {
    const { body } = await exposition.respond(accept, undefined)
    return Buffer.isBuffer(body) ? body.toString() : Buffer.concat([...body]).toString()
  }
  /** The lines of one family, without HELP and TYPE. */
  const family = async (name: string) => (await scrape()).split('\n').filter(line => line.startsWith(name))
  return { clock, store, scrape, family, exposition, rendered }
}

const labels = 'dependency="orders-db",kind="test"'

describe('the metrics of a dependency', () => {
  test('before the first result: no verdict, and every counter at 0', async () => {
    const { scrape } = setUp()
    const series = (await scrape()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
    expect(series).toEqual([
      `dependency_check_duration_seconds_bucket{${labels},le="0.01"} 0`,
      `dependency_check_duration_seconds_bucket{${labels},le="1"} 0`,
      `dependency_check_duration_seconds_bucket{${labels},le="+Inf"} 0`,
      `dependency_check_duration_seconds_sum{${labels}} 0`,
      `dependency_check_duration_seconds_count{${labels}} 0`,
      `dependency_checks_total{${labels}} 0`,
      ...[
        'timeout',
        'connection_error',
        'dns_error',
        'tls_error',
        'auth_error',
        'protocol_error',
        'unhealthy',
        'error',
      ].map(reason => `dependency_check_failures_total{${labels},reason="${reason}"} 0`),
      ...['overlap', 'lag', 'overload'].map(
        cause => `dependency_checks_skipped_total{${labels},cause="${cause}"} 0`,
      ),
      `dependency_transitions_total{${labels}} 0`,
      ...['unknown', 'up', 'down'].map(
        status => `dependency_status_seconds_total{${labels},status="${status}"} 0`,
      ),
      `dependency_status_since_timestamp_seconds{${labels}} 1767225600`,
      `dependency_critical{${labels}} 1`,
      `dependency_interval_seconds{${labels}} 15`,
      `dependency_timeout_seconds{${labels}} 3`,
      `dependency_info{${labels},target="db:5432/orders"} 1`,
    ])
  })

  test('after results: one observation a check, whatever comes of it', async () => {
    const { clock, store, family } = setUp({ measurementHelp: { lag_seconds: 'Lag.' } })
    store.record(
      'orders-db',
      success(clock, {
        durationMs: 5,
        phases: { dns: 1, connect: 2.5 },
        measurements: { lag_seconds: 7, undeclared: 1 },
      }),
    )
    expect(await family('dependency_up')).toEqual([`dependency_up{${labels}} 1`])
    expect(await family('dependency_check_phase')).toEqual([
      `dependency_check_phase_duration_seconds{${labels},phase="dns"} 0.001`,
      `dependency_check_phase_duration_seconds{${labels},phase="connect"} 0.0025`,
    ])
    expect(await family('dependency_test_lag')).toEqual([`dependency_test_lag_seconds{${labels}} 7`])
    await clock.advance(1_000)
    store.record(
      'orders-db',
      failure(clock, {
        durationMs: 3_000,
        reason: 'timeout',
        measurements: { tls_not_after_timestamp_seconds: 1.5e9 },
      }),
    )
    expect(await family('dependency_up')).toEqual([`dependency_up{${labels}} 1`])
    expect(await family('dependency_check_success')).toEqual([`dependency_check_success{${labels}} 0`])
    expect(await family('dependency_check_duration_seconds_count')).toEqual([
      `dependency_check_duration_seconds_count{${labels}} 2`,
    ])
    expect(await family('dependency_check_duration_seconds_sum')).toEqual([
      `dependency_check_duration_seconds_sum{${labels}} 3.005`,
    ])
    expect(await family('dependency_check_failures_total')).toContain(
      `dependency_check_failures_total{${labels},reason="timeout"} 1`,
    )
    expect(await family('dependency_tls')).toEqual([
      `dependency_tls_not_after_timestamp_seconds{${labels}} 1500000000`,
    ])
    expect(await family('dependency_last_success')).toEqual([
      `dependency_last_success_timestamp_seconds{${labels}} 1767225600`,
    ])
    expect(await family('dependency_last_check')).toEqual([
      `dependency_last_check_timestamp_seconds{${labels}} 1767225601`,
    ])
  })

  test('a verdict that has grown stale is taken back at the scrape, without any event', async () => {
    const { clock, store, family } = setUp()
    store.record('orders-db', success(clock))
    expect(await family('dependency_up')).toHaveLength(1)
    await clock.advance(33_001)
    expect(await family('dependency_up')).toEqual([])
    expect(await family('dependency_check_success')).toHaveLength(1)
  })

  test('the time in each status is counted, and unknown time is neither up nor down', async () => {
    const { clock, store, family } = setUp({ failureThreshold: 1 })
    const spent = () => family('dependency_status_seconds_total')
    const line = (status: string, seconds: number) =>
      `dependency_status_seconds_total{${labels},status="${status}"} ${seconds}`
    await clock.advance(1_000)
    store.record('orders-db', success(clock))
    await clock.advance(15_000)
    store.record('orders-db', failure(clock))
    await clock.advance(10_000)
    store.record('orders-db', { skipped: 'overlap', count: 1 })
    expect(await spent()).toEqual([line('unknown', 1), line('up', 15), line('down', 10)])
    // Stale after 33 s, so 23 s of the next minute are still down.
    await clock.advance(60_000)
    store.record('orders-db', success(clock))
    expect(await spent()).toEqual([line('unknown', 38), line('up', 15), line('down', 33)])
  })

  test('since when it has been what it is, even where time alone has made it unknown', async () => {
    const { clock, store, family } = setUp()
    const since = () => family('dependency_status_since')
    const line = (seconds: number) => `dependency_status_since_timestamp_seconds{${labels}} ${seconds}`
    await clock.advance(1_000)
    store.record('orders-db', success(clock))
    expect(await since()).toEqual([line(1_767_225_601)])
    await clock.advance(60_000)
    expect(await since()).toEqual([line(1_767_225_601 + 33)])
    store.record('orders-db', success(clock))
    expect(await since()).toEqual([line(1_767_225_661)])
  })

  test('the reason of the last failure shows while it is down, and only then', async () => {
    const { clock, store, family } = setUp()
    const reasons = () => family('dependency_failure')
    store.record('orders-db', success(clock))
    store.record('orders-db', failure(clock, { reason: 'timeout' }))
    expect(await reasons()).toEqual([])
    store.record('orders-db', failure(clock, { reason: 'timeout' }))
    expect(await reasons()).toEqual([`dependency_failure{${labels},reason="timeout"} 1`])
    store.record('orders-db', failure(clock, { reason: 'auth_error' }))
    expect(await reasons()).toEqual([`dependency_failure{${labels},reason="auth_error"} 1`])
    await clock.advance(33_001)
    expect(await reasons()).toEqual([])
    store.record('orders-db', success(clock))
    expect(await reasons()).toEqual([])
  })

  test('what is configured follows a reload', async () => {
    const { store, family } = setUp({ slo: 0.999, latencySloMs: 250 })
    expect(await family('dependency_slo_ratio')).toEqual([`dependency_slo_ratio{${labels}} 0.999`])
    expect(await family('dependency_latency_slo')).toEqual([`dependency_latency_slo_seconds{${labels}} 0.25`])
    store.put(dependency({ intervalMs: 60_000, timeoutMs: 10_000 }))
    expect(await family('dependency_interval')).toEqual([`dependency_interval_seconds{${labels}} 60`])
    expect(await family('dependency_timeout')).toEqual([`dependency_timeout_seconds{${labels}} 10`])
    expect(await family('dependency_slo_ratio')).toEqual([])
    expect(await family('dependency_latency_slo')).toEqual([])
  })

  test('exactly the series of what is removed disappear', async () => {
    const { clock, store, scrape } = setUp({ measurementHelp: { lag_seconds: 'Lag.' } })
    store.put(dependency({ name: 'cache', kind: 'other' }))
    store.record('orders-db', success(clock, { measurements: { lag_seconds: 1 } }))
    store.record('cache', success(clock))
    store.remove('orders-db')
    const after = await scrape()
    expect(after).not.toContain('orders-db')
    expect(after).toContain('dependency_checks_total{dependency="cache",kind="other"} 1')
  })

  test('what was observed goes with what is removed: the same name begins at 0', async () => {
    const { clock, store, family } = setUp()
    store.record('orders-db', success(clock))
    store.remove('orders-db')
    await clock.advance(60_000)
    expect(await family('dependency')).toEqual([])
    store.put(dependency())
    store.record('orders-db', success(clock, { durationMs: 250 }))
    expect(await family('dependency_check_duration_seconds')).toEqual([
      `dependency_check_duration_seconds_bucket{${labels},le="0.01"} 0`,
      `dependency_check_duration_seconds_bucket{${labels},le="1"} 1`,
      `dependency_check_duration_seconds_bucket{${labels},le="+Inf"} 1`,
      `dependency_check_duration_seconds_sum{${labels}} 0.25`,
      `dependency_check_duration_seconds_count{${labels}} 1`,
    ])
  })

  test("the user's labels stand on dependency_info alone, and come out right", async () => {
    const { family, scrape } = setUp({ labels: { team: 'a"b\\c\nd', note: 'é,x:1' } })
    expect(await family('dependency_info')).toEqual([
      String.raw`dependency_info{${'dependency="orders-db",kind="test"'},target="db:5432/orders",team="a\"b\\c\nd",note="é,x:1"} 1`,
    ])
    expect((await scrape()).match(/team=/g)).toHaveLength(1)
  })

  test.each([
    ['a quick success leaves none', { durationMs: 1_499 }, undefined],
    ['a success that took half of its timeout leaves one', { durationMs: 1_500 }, '# {} 1.5'],
    [
      'a quick success that was traced leaves one',
      { durationMs: 20, traceId: 'b'.repeat(32) },
      `# {trace_id="${'b'.repeat(32)}"} 0.02`,
    ],
  ])('exemplars: %s', async (_, result, expected) => {
    const { clock, store, scrape } = setUp({ timeoutMs: 3_000 })
    store.record('orders-db', success(clock, result))
    const openMetrics = await scrape('application/openmetrics-text;version=1.0.0')
    expect(/_bucket.*(# .*) 1767225600(?:\.0)?$/m.exec(openMetrics)?.[1]).toBe(expected)
  })

  test('a failed check leaves an exemplar, with its trace if it sent one', async () => {
    const { clock, store, scrape } = setUp()
    store.record('orders-db', failure(clock, { traceId: 'a'.repeat(32), durationMs: 20 }))
    const openMetrics = await scrape('application/openmetrics-text;version=1.0.0')
    expect(openMetrics).toMatch(/le="1\.0"\} 1 # \{trace_id="a{32}"\} 0\.02 1767225600/)
  })

  test('down is 0, and what is skipped is counted but not observed', async () => {
    const { clock, store, family } = setUp()
    store.record('orders-db', failure(clock, { durationMs: 20 }))
    store.record('orders-db', { skipped: 'overlap', count: 2 })
    expect(await family('dependency_up')).toEqual([`dependency_up{${labels}} 0`])
    expect(await family('dependency_checks_skipped_total')).toContain(
      `dependency_checks_skipped_total{${labels},cause="overlap"} 2`,
    )
    expect(await family('dependency_check_duration_seconds_count')).toEqual([
      `dependency_check_duration_seconds_count{${labels}} 1`,
    ])
    expect(await family('dependency_check_duration_seconds_sum')).toEqual([
      `dependency_check_duration_seconds_sum{${labels}} 0.02`,
    ])
  })

  test('counting began when the dependency came, in Unix seconds', async () => {
    const { scrape } = setUp()
    const created = (await scrape('application/openmetrics-text;version=1.0.0')).match(/_created\{.*/g)
    expect(created?.length).toBeGreaterThan(10)
    for (const line of created ?? []) expect(line).toMatch(/\} 1767225600(?:\.0)?$/)
  })

  test.each([true, false])('keeps a native histogram if it is asked to: %s', async native => {
    const { clock, store, exposition } = setUp({}, native)
    store.record('orders-db', success(clock))
    const families = await exposition.samples()
    const { samples } = families.find(({ name }) => name === 'dependency_check_duration_seconds')!
    expect(samples).toMatchObject([{ histogram: { count: 1 } }])
    expect((samples[0] as { histogram: HistogramValue }).histogram.native !== undefined).toBe(native)
  })

  test.each([
    ['target', { target: 'elsewhere:5432' }, 'dependency_info'],
    ['critical', { critical: false }, 'dependency_critical'],
    ['labels', { labels: { team: 'orders' } }, 'dependency_info'],
    ['interval', { intervalMs: 60_000 }, 'dependency_interval'],
    ['timeout', { timeoutMs: 1_000 }, 'dependency_timeout'],
    ['objective', { slo: 0.5 }, 'dependency_slo_ratio'],
    ['objective of latency', { latencySloMs: 1 }, 'dependency_latency_slo'],
  ])('shows a changed %s at once', async (_, change, name) => {
    const { store, family } = setUp({ slo: 0.9, latencySloMs: 100 })
    const before = await family(name)
    store.put(dependency({ slo: 0.9, latencySloMs: 100, ...change }))
    expect(await family(name)).toHaveLength(1)
    expect(await family(name)).not.toEqual(before)
  })

  test('renders nothing anew for a change that no series shows, and goes on with the new settings', async () => {
    const { clock, store, family } = setUp()
    store.record('orders-db', success(clock))
    store.put(dependency({ intervalMs: 1_000, staleAfterMs: 5_000 }))
    await clock.advance(5_001)
    expect(await family('dependency_up')).toEqual([])
  })

  test('has one family for what several dependencies of a kind measure, as the first describes it', async () => {
    const { clock, store, scrape } = setUp({ measurementHelp: { lag_seconds: 'Lag.' } })
    store.put(
      dependency({ name: 'b', measurementHelp: { lag_seconds: 'Delay.', depth: 'Depth of the queue.' } }),
    )
    store.put(dependency({ name: 'c', measurementHelp: { depth: 'Depth.' } }))
    for (const name of ['orders-db', 'b', 'c'])
      store.record(name, success(clock, { measurements: { lag_seconds: 1, depth: 2 } }))
    expect((await scrape()).split('\n').filter(line => line.includes('dependency_test_'))).toEqual([
      expect.stringMatching(/^# HELP dependency_test_lag_seconds Lag\. /),
      '# TYPE dependency_test_lag_seconds gauge',
      `dependency_test_lag_seconds{${labels}} 1`,
      'dependency_test_lag_seconds{dependency="b",kind="test"} 1',
      expect.stringMatching(/^# HELP dependency_test_depth Depth of the queue\. /),
      '# TYPE dependency_test_depth gauge',
      'dependency_test_depth{dependency="b",kind="test"} 2',
      'dependency_test_depth{dependency="c",kind="test"} 2',
    ])
  })

  test('renders one large change after the other: a scrape waits for the last', async () => {
    const { store, family, rendered } = setUp()
    await replace(store, { put: [dependency({ name: 'a' })] })
    const first = rendered()
    await replace(store, { forgotten: ['orders-db'], put: [dependency({ name: 'b' })] })
    await first
    expect((await family('dependency_critical')).toSorted()).toEqual([
      'dependency_critical{dependency="a",kind="test"} 1',
      'dependency_critical{dependency="b",kind="test"} 1',
    ])
  })

  test('renders a large change later: scrapes wait for all of it', async () => {
    const { clock, store, family, rendered } = setUp()
    const put = ['a', 'b', 'c'].map(name => dependency({ name, critical: name !== 'a' }))
    await replace(store, { forgotten: ['orders-db'], put })
    store.remove('b')
    store.record('c', success(clock))
    expect(await family('dependency_critical')).toEqual([
      'dependency_critical{dependency="a",kind="test"} 0',
      'dependency_critical{dependency="c",kind="test"} 1',
    ])
    await rendered()
    expect(await family('dependency_up')).toEqual(['dependency_up{dependency="c",kind="test"} 1'])
  })
})
