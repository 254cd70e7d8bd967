import { expect, test } from 'vitest'
import type { Family } from '../../src/exposition/family.ts'
import { countSeries, exposedNames } from '../../src/exposition/family.ts'
import { createHistogram } from '../../src/exposition/histogram.ts'
import { createOpenMetrics } from '../../src/exposition/text.ts'
import { everyType } from './families.ts'

test('counts what OpenMetrics shows, creation times included', () => {
  const openMetrics = createOpenMetrics()
  const histogram = createHistogram({ buckets: [0.1, 1], createdSeconds: 1 })
  const subject = { name: 'orders', value: 1, histogram }
  const lines = everyType.map(
    family => openMetrics.samples(family, subject).toString().trimEnd().split('\n').length,
  )
  expect(countSeries(everyType, subject)).toBe(lines.reduce((sum, n) => sum + n, 0))
  expect(countSeries(everyType, subject)).toBe(1 + 2 + 6)
})

test.each([
  ['gauge', 5, 1],
  ['counter', 5, 2],
  ['counter', undefined, 1],
] as const)('a %s that was created at %s has %i series', (type, created, expected) => {
  const family: Family<unknown> = {
    name: 'a_total',
    help: '',
    type,
    samples: () => [{ labels: {}, value: 1, created }],
  }
  expect(countSeries([family], undefined)).toBe(expected)
})

test('a family without samples has no series', () => {
  const none: Family<unknown> = { name: 'none', help: '', type: 'gauge', samples: () => [] }
  expect(countSeries([none], undefined)).toBe(0)
})

test.each([
  ['gauge', 'a', ['a']],
  ['counter', 'a_total', ['a', 'a_total', 'a_created']],
  ['histogram', 'a', ['a', 'a_bucket', 'a_sum', 'a_count', 'a_created']],
] as const)('a %s %s shows %j', (type, name, expected) => {
  expect(exposedNames({ name, help: '', type })).toEqual(expected)
})

test.each(['', '1a', 'a-b', 'a b', 'é', 'a{'])('%j is not a metric name', name => {
  const expose = () => exposedNames({ name, help: '', type: 'gauge' })
  expect(expose).toThrow(TypeError)
  expect(expose).toThrow(`"${name}" is not a metric name`)
})
