import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { Dependency } from '../../src/model/dependency.ts'
import { createStore } from '../../src/state/store.ts'
import { createBudget, overBudget } from '../../src/views/budget.ts'
import { followState } from '../../src/views/metrics.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

const buckets = { buckets: [0.1, 1], native: true }

function seriesBudget(dependencies: readonly Dependency[], durations: typeof buckets) {
  const budget = createBudget(durations)
  for (const each of dependencies) budget.add(each)
  return budget.byKind()
}

test('the budget is what a scrape shows when everything is known', async () => {
  const clock = createFakeClock()
  const store = createStore(clock)
  const exposition = createExposition()
  followState(exposition, store, buckets)
  const one = dependency({
    measurementHelp: { lag_seconds: 'Lag.' },
    labels: { team: 'a' },
    slo: 0.999,
    latencySloMs: 100,
    failureThreshold: 1,
  })
  store.put(one)
  const phases = { dns: 1, connect: 1, tls: 1, auth: 1, request: 1, transfer: 1 }
  const everything = { phases, measurements: { lag_seconds: 1, tls_not_after_timestamp_seconds: 1 } }
  store.record(one.name, success(clock, everything))
  store.record(one.name, failure(clock, everything))
  const { body } = await exposition.respond('application/openmetrics-text;version=1.0.0', undefined)
  const shown = String(body)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#')).length
  expect(seriesBudget([one], buckets)).toEqual([{ kind: 'test', dependencies: 1, seriesEach: shown }])
})

test('a kind counts as its largest dependency, objectives included', () => {
  const [plain] = seriesBudget([dependency()], buckets)
  const [both] = seriesBudget([dependency(), dependency({ name: 'b', slo: 0.99, latencySloMs: 1 })], buckets)
  expect(both?.seriesEach).toBe(plain!.seriesEach + 2)
})

test.each([{ slo: 0.99 }, { latencySloMs: 1 }])('an objective counts wherever it stands: %j', objective => {
  const [plain] = seriesBudget([dependency()], buckets)
  const [first] = seriesBudget([dependency(objective), dependency({ name: 'b' })], buckets)
  expect(first?.seriesEach).toBe(plain!.seriesEach + 1)
})

test('over the budget, the largest contributors are named', () => {
  const many = Array.from({ length: 100 }, (_, i) => dependency({ name: `db-${i}` }))
  const budget = seriesBudget([dependency({ name: 'x', kind: 'other' }), ...many], buckets)
  const each = budget[0]!.seriesEach
  expect(overBudget(budget, 101 * each)).toBeUndefined()
  expect(overBudget(budget, 101 * each - 1)).toBe(
    `${101 * each} series are more than server.maxSeries ${101 * each - 1}; the largest part: test ${100 * each} (100 dependencies of ${each} series), other ${each} (1 dependencies of ${each} series). Fewer histogram.buckets make fewer series`,
  )
})

test('only the three largest are named, and a kind counts as its largest dependency', () => {
  const measurementHelp = { lag_seconds: 'Lag.', role: 'Role.' }
  const kinds = ['a', 'b', 'c', 'd'].flatMap((kind, i) =>
    Array.from({ length: i + 1 }, (_, j) => dependency({ name: `${kind}${j}`, kind })),
  )
  const budget = seriesBudget([...kinds, dependency({ name: 'd-more', kind: 'd', measurementHelp })], buckets)
  const each = budget[1]!.seriesEach
  expect(budget).toEqual([
    { kind: 'd', dependencies: 5, seriesEach: each + 2 },
    { kind: 'c', dependencies: 3, seriesEach: each },
    { kind: 'b', dependencies: 2, seriesEach: each },
    { kind: 'a', dependencies: 1, seriesEach: each },
  ])
  const told = overBudget(budget, 1)
  expect(told).toContain(`the largest part: d ${5 * (each + 2)} (5 dependencies of ${each + 2} series), c `)
  expect(told).not.toMatch(/, a \d/)
})
