import { expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { createProbes } from '../../src/views/probes.ts'
import { describeCause, statusReport } from '../../src/views/status.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

function world() {
  const clock = createFakeClock()
  const store = createStore(clock)
  store.put(dependency({ failureThreshold: 1, labels: { team: 'orders' } }))
  const probes = createProbes(store, () => 0)
  const report = (nextCheckAt?: () => number) =>
    statusReport(store.snapshot(), probes.readiness(), nextCheckAt).dependencies['orders-db']
  return { clock, store, report }
}

const unchecked = {
  kind: 'test',
  target: 'db:5432/orders',
  critical: true,
  labels: { team: 'orders' },
  status: 'unknown',
  since: '2026-01-01T00:00:00.000Z',
  stale: false,
  lastCheck: null,
  lastSuccessAt: null,
  lastFailure: null,
  nextCheckAt: null,
  checks: 0,
  failures: 0,
  skipped: 0,
  transitions: 0,
}

test('nothing is known before the first check', () => {
  expect(world().report()).toEqual(unchecked)
})

test('all that is known after a success and a failure, in seconds and ISO 8601', async () => {
  const { clock, store, report } = world()
  const measurements = { lag_seconds: 7 }
  store.record('orders-db', success(clock, { phases: { dns: 1, connect: 2.5 }, measurements }))
  expect(report()).toEqual({
    ...unchecked,
    status: 'up',
    lastCheck: {
      ok: true,
      at: '2026-01-01T00:00:00.000Z',
      durationSeconds: 0.005,
      phasesSeconds: { dns: 0.001, connect: 0.0025 },
      measurements,
      reason: null,
      detail: null,
      message: null,
    },
    lastSuccessAt: '2026-01-01T00:00:00.000Z',
    checks: 1,
  })
  const advice = { meaning: 'It is overloaded.', remedy: 'Wait.' }
  await clock.advance(1_000)
  store.record('orders-db', failure(clock, { reason: 'timeout', detail: 'timeout', message: 'late' }))
  store.record(
    'orders-db',
    failure(clock, { reason: 'unhealthy', detail: 'http_503', message: 'no', advice }),
  )
  store.record('orders-db', { skipped: 'lag', count: 3 })
  store.record('orders-db', { skipped: 'overlap', count: 2 })
  const because = { reason: 'unhealthy', detail: 'http_503', message: 'no' }
  expect(report(() => clock.now() + 4_000)).toEqual({
    ...unchecked,
    status: 'down',
    since: '2026-01-01T00:00:01.000Z',
    lastCheck: {
      ok: false,
      at: '2026-01-01T00:00:01.000Z',
      durationSeconds: 0.005,
      phasesSeconds: {},
      measurements: {},
      ...because,
    },
    lastSuccessAt: '2026-01-01T00:00:00.000Z',
    lastFailure: { at: '2026-01-01T00:00:01.000Z', ...because, ...advice },
    nextCheckAt: '2026-01-01T00:00:05.000Z',
    checks: 3,
    failures: 2,
    skipped: 5,
    transitions: 1,
  })
})

test('what grew stale is unknown since then, and says that it is stale', async () => {
  const { clock, store, report } = world()
  store.record('orders-db', success(clock))
  await clock.advance(60_000)
  expect(report()).toMatchObject({ status: 'unknown', stale: true, since: '2026-01-01T00:00:33.000Z' })
})

test.each([
  ['connection_error', 'ECONNREFUSED', 'connection_error/ECONNREFUSED'],
  ['timeout', 'timeout', 'timeout'],
  ['timeout', '', 'timeout'],
  [null, null, ''],
])('the cause of %s and %s is "%s"', (reason, detail, expected) => {
  expect(describeCause({ reason, detail })).toBe(expected)
})
