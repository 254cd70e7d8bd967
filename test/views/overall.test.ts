import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { readiness } from '../../src/views/health.ts'
import { createProbes } from '../../src/views/probes.ts'
import { statusReport } from '../../src/views/status.ts'
import { createFakeClock, type FakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { replace } from '../support/replace.ts'
import { failure, success } from '../support/results.ts'

const staleAfterMs = 30_000

function play(name: string, verdict: string, clock: FakeClock, store: ReturnType<typeof createStore>) {
  if (verdict === '*')
    store.put(dependency({ name, critical: name !== 'x', staleAfterMs, failureThreshold: 1 }))
  else if (verdict === '!') store.remove(name)
  else if (store.get(name) === undefined) return
  else if (verdict === 's') store.record(name, { skipped: 'overload', count: 1 })
  else store.record(name, verdict === '+' ? success(clock) : failure(clock))
}

/** Words like `a+`, a second apart: `*` added, `!` removed, `+` up, `-` down, `s` skipped; `30` is 30 seconds of silence. */
async function world(script: string) {
  const clock = createFakeClock()
  const store = createStore(clock)
  const probes = createProbes(store, () => 0)
  for (const word of script.split(' ').filter(Boolean)) {
    const [, name, verdict = ''] = /^([a-z])(.)$/.exec(word) ?? []
    if (name !== undefined) play(name, verdict, clock, store)
    await clock.advance(name === undefined ? 1_000 * Number(word) : 1_000)
  }
  return { clock, store, probes }
}

describe('the whole is what it is since the second', () => {
  test.each([
    ['', undefined],
    ['a*', 0],
    ['a* b* a+', 0],
    ['a* b* a+ b+', 3],
    ['a* b* a+ b+ a+ b+ a+', 3],
    ['a* a+ a-', 2],
    // One failure hands over to the next: the whole was never ready in between.
    ['a* b* a+ b+ a- b- a+ b- a+', 4],
    ['a* b* a+ b+ a- b- a+ b+', 7],
    // A failure of what is not critical degrades, and one of what is critical is another status.
    ['a* x* a+ x+ x- x-', 4],
    ['a* x* a+ x+ x- a- x+', 5],
    ['a* x* a+ x+ x- a- a+', 6],
    // Dependencies that come and go.
    ['a* a+ b*', 2],
    ['a* a+ b* b!', 3],
    ['a* a!', undefined],
    // Stale 30 s after the last result, whoever looks when.
    ['a* a+ 100', 31],
    ['a* a+ 100 as 5', 31],
    ['a* a+ 100 a+', 102],
    ['a* x* x+ a+ 100', 33],
    ['a* x* a+ x+ a+ 28 a+ 20', 33],
    ['a* b* a+ b+ a- 100', 4],
    ['a* b* b+ a+ 100', 32],
    // What grows stale first does not take with it what is still fresh, and hides nothing that follows.
    ['a* x* x+ 28 a+ 5', 32],
    ['a* b* x* x+ 9 a+ 9 b+ 14 xs 7', 43],
  ])('%s: %s', async (script, second) => {
    const { probes } = await world(script)
    expect(probes.readiness().since).toBe(
      second === undefined ? undefined : Date.UTC(2026, 0, 1, 0, 0, second),
    )
  })
})

test('does not depend on who looks when, and goes with the verdict', async () => {
  const word = fc.oneof(
    fc.constantFrom('a+', 'a-', 'b+', 'b-', 'x+', 'x-', 'as', 'xs', 'b!', 'b*', 'a*'),
    fc.integer({ min: 1, max: 40 }).map(String),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 40 }), async words => {
      const clock = createFakeClock()
      const store = createStore(clock)
      const [watched, unwatched] = [createProbes(store, () => 0), createProbes(store, () => 0)]
      for (const name of ['a', 'b', 'x']) play(name, '*', clock, store)
      let since = clock.wall()
      let before = readiness(store.snapshot(), false).status
      const look = () => {
        const { status } = readiness(store.snapshot(), false)
        if (status !== before) since = clock.wall()
        before = status
      }
      for (const word of words) {
        const [, name, verdict = ''] = /^([a-z])(.)$/.exec(word) ?? []
        if (name !== undefined) play(name, verdict, clock, store)
        look()
        for (let s = name === undefined ? Number(word) : 1; s > 0; s--) {
          await clock.advance(1_000)
          look()
        }
        // Whoever looks once a second sees staleness up to a second late.
        const told = watched.readiness().since!
        expect(watched.ready()).toBe(before !== 'unavailable')
        expect(since - told).toBeGreaterThanOrEqual(0)
        expect(since - told).toBeLessThanOrEqual(1_000)
      }
      expect(unwatched.readiness().since).toBe(watched.readiness().since)
    }),
    { numRuns: 60 },
  )
})

test('many that are replaced at once count as they are then', async () => {
  const { clock, store, probes } = await world('a* x* a+ x+')
  const made = (name: string, critical: boolean) => dependency({ name, critical, staleAfterMs })
  const verdict = async (change: Parameters<typeof replace>[1]) => {
    await replace(store, change)
    await clock.advance(1_000)
    const { status, since } = probes.readiness()
    return [status, probes.ready(), (since! - Date.UTC(2026, 0, 1)) / 1_000]
  }
  expect(await verdict({ forgotten: ['a'], put: [made('a', true)], names: ['a', 'x'] })).toEqual([
    'unavailable',
    false,
    4,
  ])
  expect(await verdict({ put: [made('a', false)], names: ['a', 'x'] })).toEqual(['degraded', true, 5])
  expect(await verdict({ forgotten: ['a'], names: ['x'] })).toEqual(['ok', true, 6])
})

test('what grows stale is not ready, though nobody has asked for the verdict', async () => {
  const { clock, probes } = await world('a* a+')
  expect(probes.ready()).toBe(true)
  await clock.advance(staleAfterMs)
  expect(probes.ready()).toBe(false)
})

test('a drain can be taken back', async () => {
  const { probes } = await world('a* a+')
  probes.drain()
  expect([probes.ready(), probes.readiness().status]).toEqual([false, 'unavailable'])
  probes.resume()
  expect([probes.ready(), probes.readiness().status]).toEqual([true, 'ok'])
})

test('the report shows it, and nothing while draining', async () => {
  const { clock, store, probes } = await world('a* b* a+ b+')
  const since = () => statusReport(store.snapshot(), probes.readiness()).since
  await clock.advance(1_000)
  store.record('a', failure(clock))
  expect(since()).toBe('2026-01-01T00:00:05.000Z')
  await clock.advance(1_000)
  store.record('b', failure(clock))
  store.record('a', success(clock))
  expect(since()).toBe('2026-01-01T00:00:05.000Z')
  probes.drain()
  expect(since()).toBeNull()
})
