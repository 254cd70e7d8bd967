import { expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { createHistory, keptChecks, keptFailures } from '../../src/views/history.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

function world() {
  const clock = createFakeClock()
  const store = createStore(clock)
  store.put(dependency({ name: 'cache' }))
  return { clock, store, history: createHistory(store) }
}

test('checks are kept oldest first, and only the last ones', async () => {
  const { clock, store, history } = world()
  expect(history.of('cache')?.checks()).toEqual([])
  for (let i = 1; i <= keptChecks + 3; i++) {
    await clock.advance(1_000)
    store.record(
      'cache',
      i === 5 ? failure(clock, { durationMs: i }) : success(clock, { durationMs: i + 0.25 }),
    )
  }
  const checks = history.of('cache')!.checks()
  expect(checks).toHaveLength(keptChecks)
  expect(checks[0]).toEqual({ at: Date.UTC(2026, 0, 1, 0, 0, 4), ok: true, durationMs: 4.25 })
  expect(checks[1]).toEqual({ at: Date.UTC(2026, 0, 1, 0, 0, 5), ok: false, durationMs: 5 })
  expect(checks.at(-1)).toMatchObject({ ok: true, durationMs: keptChecks + 3.25 })
})

test('failures outlive the checks, newest first, and only the last ones', async () => {
  const { clock, store, history } = world()
  for (let i = 1; i <= keptFailures + 2; i++) store.record('cache', failure(clock, { detail: `E${i}` }))
  for (let i = 0; i < 2 * keptChecks; i++) store.record('cache', success(clock))
  const { failures, checks } = history.of('cache')!
  expect(checks().every(({ ok }) => ok)).toBe(true)
  expect(failures.map(({ detail }) => detail)).toEqual(
    Array.from({ length: keptFailures }, (_, i) => `E${keptFailures + 2 - i}`),
  )
})

test('a skipped check is no check', () => {
  const { store, history } = world()
  store.record('cache', { skipped: 'lag', count: 3 })
  expect(history.of('cache')?.checks()).toEqual([])
})

test('a changed configuration keeps the past, a removed dependency takes it along', () => {
  const { clock, store, history } = world()
  store.record('cache', failure(clock))
  store.put(dependency({ name: 'cache', intervalMs: 60_000 }))
  expect(history.of('cache')?.checks()).toHaveLength(1)
  store.remove('cache')
  expect(history.of('cache')).toBeUndefined()
  store.put(dependency({ name: 'cache' }))
  expect(history.of('cache')?.checks()).toEqual([])
})
