import { describe, expect, test } from 'vitest'
import { createHistogram } from '../../src/exposition/histogram.ts'

const createdSeconds = 1_700_000_000

test('counts each value in the first bucket whose bound it does not exceed, cumulatively', () => {
  const histogram = createHistogram({ buckets: [0.1, 1, 10], createdSeconds })
  for (const value of [0.05, 0.1, 0.100001, 1, 5, 11]) histogram.observe(value)
  expect(histogram.value()).toEqual({
    count: 6,
    sum: 0.05 + 0.1 + 0.100001 + 1 + 5 + 11,
    created: createdSeconds,
    buckets: [
      { le: 0.1, count: 2 },
      { le: 1, count: 4 },
      { le: 10, count: 5 },
    ],
    exemplars: [],
  })
})

test('keeps the last exemplar of each bucket, the one above all bounds included', () => {
  const histogram = createHistogram({ buckets: [1], createdSeconds })
  histogram.observe(0.5, { labels: { trace_id: 'a' }, timestamp: 1 })
  histogram.observe(0.6, { labels: { trace_id: 'b' }, timestamp: 2 })
  histogram.observe(0.7)
  histogram.observe(7, { labels: { trace_id: 'c' }, timestamp: 3 })
  expect(histogram.value().exemplars).toEqual([
    { labels: { trace_id: 'b' }, value: 0.6, timestamp: 2 },
    { labels: { trace_id: 'c' }, value: 7, timestamp: 3 },
  ])
})

test('a value read does not change afterwards', () => {
  const histogram = createHistogram({ buckets: [1], native: {}, createdSeconds })
  histogram.observe(0.5)
  const read = histogram.value()
  const copy = structuredClone(read)
  histogram.observe(0.5)
  expect(read).toEqual(copy)
  expect(histogram.value().count).toBe(2)
})

test('values that are not finite are not counted', () => {
  const histogram = createHistogram({ buckets: [], native: {}, createdSeconds })
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    histogram.observe(value)
  expect(histogram.value()).toMatchObject({ count: 0, sum: 0, native: { zeroCount: 0 } })
})

describe('refuses', () => {
  test.each([
    ['equal bounds', { buckets: [1, 1] }, 'bounds of a histogram must be finite and ascending'],
    ['descending bounds', { buckets: [2, 1] }, 'ascending'],
    ['an infinite bound', { buckets: [1, Number.POSITIVE_INFINITY] }, 'finite'],
    ['NaN as a bound', { buckets: [Number.NaN] }, 'finite'],
    ['a schema above 8', { buckets: [], native: { schema: 9 } }, 'a whole number from -4 to 8'],
    ['a schema below -4', { buckets: [], native: { schema: -5 } }, 'a whole number from -4 to 8'],
    ['a schema between two', { buckets: [], native: { schema: 0.5 } }, 'a whole number'],
    ['no native bucket', { buckets: [], native: { maxBuckets: 0 } }, 'at least one bucket'],
    ['a zero threshold of 0', { buckets: [], native: { zeroThreshold: 0 } }, 'zero threshold is above 0'],
    [
      'a negative zero threshold',
      { buckets: [], native: { zeroThreshold: -1 } },
      'zero threshold is above 0',
    ],
  ])('%s', (_, options, message) => {
    const create = () => createHistogram({ ...options, createdSeconds })
    expect(create).toThrow(RangeError)
    expect(create).toThrow(message)
  })

  test('nothing at the edges of what is allowed', () => {
    for (const schema of [-4, 8])
      expect(() =>
        createHistogram({ buckets: [], native: { schema, maxBuckets: 1 }, createdSeconds }),
      ).not.toThrow()
  })
})
