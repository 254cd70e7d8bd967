import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import { createStore } from '../../src/state/store.ts'
import { overBudget, seriesBudget } from '../../src/views/budget.ts'
import { followState } from '../../src/views/metrics.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { success } from '../support/results.ts'

const buckets = { buckets: [0.1, 1], native: true }

test('the budget is what a scrape shows when everything is known', async () => {
  const clock = createFakeClock()
  const store = createStore(clock)
  const exposition = createExposition()
  followState(exposition, store, buckets)
  const one = dependency({ measured: { lag_seconds: 'Lag.' }, labels: { team: 'a' } })
  store.put(one)
  const phases = { dns: 1, connect: 1, tls: 1, auth: 1, request: 1, transfer: 1 }
  store.record(
    one.name,
    success(clock, { phases, measurements: { lag_seconds: 1, tls_not_after_timestamp_seconds: 1 } }),
  )
  const { body } = await exposition.respond('application/openmetrics-text;version=1.0.0', undefined)
  const shown = String(body)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#')).length
  expect(seriesBudget([one], buckets)).toEqual([{ kind: 'test', dependencies: 1, seriesEach: shown }])
})

test('over the budget, the largest contributors are named', () => {
  const many = Array.from({ length: 100 }, (_, i) => dependency({ name: `db-${i}` }))
  const budget = seriesBudget([...many, dependency({ name: 'x', kind: 'other' })], buckets)
  const each = budget[0]!.seriesEach
  expect(overBudget(budget, 101 * each)).toBeUndefined()
  expect(overBudget(budget, 101 * each - 1)).toBe(
    `${101 * each} series are more than server.maxSeries ${101 * each - 1}; the largest part: test ${100 * each} (100 dependencies of ${each} series), other ${each} (1 dependencies of ${each} series). Fewer histogram.buckets make fewer series`,
  )
})
