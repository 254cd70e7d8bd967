import { describe, expect, test } from 'vitest'
import type { Dependency } from '../../src/model/dependency.ts'
import { createStore, type Snapshot } from '../../src/state/store.ts'
import { freshUntil, hasStarted, isAlive, readiness, silenceLimitMs } from '../../src/views/health.ts'
import { createProbes } from '../../src/views/probes.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

/** `db+` is a critical dependency that is up, `cache-?` one that is not critical and down, `x` one without a result. */
function world(spec: string, overrides: Partial<Dependency> = {}) {
  const clock = createFakeClock()
  const store = createStore(clock)
  for (const word of spec.split(' ').filter(Boolean)) {
    const [, name = '', verdict, optional] = /^(\w+)([+-]?)(\??)$/.exec(word)!
    store.put(dependency({ name, critical: optional === '', ...overrides }))
    if (verdict !== '') store.record(name, verdict === '+' ? success(clock) : failure(clock))
  }
  return { clock, store }
}

/** Alive by the limit that follows from the dependencies. */
const alive = (snapshot: Snapshot, stalledMs: number) =>
  isAlive(snapshot, stalledMs, silenceLimitMs(snapshot))

describe('readiness', () => {
  test.each([
    ['', 'ok'],
    ['db+ cache+?', 'ok'],
    ['db+ cache-?', 'degraded'],
    ['db+ cache?', 'degraded'],
    ['db- cache+?', 'unavailable'],
    ['db cache+?', 'unavailable'],
    ['db+ other-', 'unavailable'],
  ])('%s is %s', (spec, status) => {
    expect(readiness(world(spec).store.snapshot(), false).status).toBe(status)
  })

  test('draining is unavailable, whatever the dependencies', () => {
    expect(readiness(world('db+').store.snapshot(), true).status).toBe('unavailable')
  })

  test('a stale status is unknown, so not ready', async () => {
    const { clock, store } = world('db+')
    await clock.advance(33_001)
    expect(readiness(store.snapshot(), false).status).toBe('unavailable')
  })
})

describe('liveness', () => {
  test.each([
    // interval, silence, alive
    [1_000, 30_000, true],
    [1_000, 30_001, false],
    [60_000, 180_000, true],
    [60_000, 180_001, false],
  ])(
    'with an interval of %i ms, after %i ms without a check: %s',
    async (intervalMs, silenceMs, expected) => {
      const { clock, store } = world('db-', { intervalMs })
      await clock.advance(silenceMs)
      expect(alive(store.snapshot(), 0)).toBe(expected)
    },
  )

  test('never looks at a dependency', () => {
    expect(alive(world('db- other-').store.snapshot(), 0)).toBe(true)
  })

  test('without dependencies nothing is due', async () => {
    const { clock, store } = world('')
    await clock.advance(86_400_000)
    expect(alive(store.snapshot(), 0)).toBe(true)
  })

  test('our own suspension is no reason to be restarted', async () => {
    const { clock, store } = world('db+')
    await clock.advance(600_000)
    expect([alive(store.snapshot(), 0), alive(store.snapshot(), 590_000)]).toEqual([false, true])
  })
})

describe('startup', () => {
  test.each([
    ['', true],
    ['db cache+?', false],
    ['db- cache+?', false],
    ['db+ cache?', true],
  ])('%s: %s', (spec, expected) => {
    expect(hasStarted(world(spec).store.snapshot())).toBe(expected)
  })
})

describe('the probes', () => {
  test('keep one verdict until something changes, and see staleness without any event', async () => {
    const { clock, store } = world('db+')
    const probes = createProbes(store, () => 0)
    const first = probes.readiness()
    store.record('db', success(clock))
    expect(probes.readiness()).toBe(first)
    await clock.advance(33_001)
    expect(probes.readiness().status).toBe('unavailable')
    store.record('db', success(clock))
    expect(probes.readiness().status).toBe('ok')
  })

  test('startup waits for what is critical', () => {
    const { clock, store } = world('db cache?')
    const probes = createProbes(store, () => 0)
    expect(probes.started()).toBe(false)
    store.record('db', success(clock))
    expect(probes.started()).toBe(true)
  })

  test('startup stays true once it was', () => {
    const { clock, store } = world('db+')
    const probes = createProbes(store, () => 0)
    expect(probes.started()).toBe(true)
    store.put(dependency({ name: 'late' }))
    store.record('late', failure(clock))
    expect(probes.started()).toBe(true)
  })

  test('liveness counts stalls since the last completed check only', async () => {
    const { clock, store } = world('db+')
    let stalled = 500_000
    const probes = createProbes(store, () => stalled)
    await clock.advance(46_000)
    expect(probes.alive()).toBe(false)
    stalled += 40_000
    expect(probes.alive()).toBe(true)
  })

  test('liveness forgives no stall that a completed check came after; a skipped one is none', async () => {
    const { clock, store } = world('db+')
    let stalled = 0
    const probes = createProbes(store, () => stalled)
    stalled += 40_000
    store.record('db', success(clock))
    await clock.advance(46_000)
    expect(probes.alive()).toBe(false)
    stalled += 40_000
    expect(probes.alive()).toBe(true)
    store.record('db', { skipped: 'lag', count: 1 })
    store.put(dependency({ name: 'other' }))
    expect(probes.alive()).toBe(true)
  })

  test('liveness follows the intervals as they change', async () => {
    const { clock, store } = world('db+', { intervalMs: 60_000 })
    const probes = createProbes(store, () => 0)
    await clock.advance(100_000)
    expect(probes.alive()).toBe(true)
    store.put(dependency({ name: 'db', intervalMs: 1_000 }))
    expect(probes.alive()).toBe(false)
  })

  test('draining is for good', () => {
    const probes = createProbes(world('db+').store, () => 0)
    probes.drain()
    expect(probes.readiness()).toMatchObject({ status: 'unavailable', draining: true })
  })

  test('freshness ends with the oldest result', async () => {
    const { clock, store } = world('a+ b+')
    const first = clock.now()
    await clock.advance(5_000)
    store.record('b', success(clock))
    expect(freshUntil(store.snapshot())).toBe(first + 33_000)
    await clock.advance(28_000)
    expect(freshUntil(store.snapshot())).toBe(first + 33_000)
    await clock.advance(1)
    expect(freshUntil(store.snapshot())).toBe(first + 38_000)
    await clock.advance(60_000)
    expect(freshUntil(store.snapshot())).toBe(Number.POSITIVE_INFINITY)
  })
})
