import { expect, test } from 'vitest'
import { distance, nearest, suggestDuration } from '../../src/config/suggest.ts'

test.each([
  ['', '', 0],
  ['interval', 'interval', 0],
  ['interal', 'interval', 1],
  ['ulr', 'url', 1],
  ['kitten', 'sitting', 3],
  ['abc', '', 3],
])('distance of %j and %j', (a, b, edits) => {
  expect(distance(a, b)).toBe(edits)
  expect(distance(b, a)).toBe(edits)
})

const keys = ['kind', 'interval', 'timeout', 'failureThreshold', 'labels', 'url', 'host', 'port']

test.each([
  ['interal', 'interval'],
  ['Interval', 'interval'],
  ['time_out', 'timeout'],
  ['fail_threshold', 'failureThreshold'],
  ['ulr', 'url'],
  ['hots', 'host'],
  ['type', 'kind'],
  ['tags', 'labels'],
  ['zzzzzz', undefined],
  ['x', undefined],
  ['interval'.repeat(2000), undefined],
])('%s means %s', (word, meant) => {
  expect(nearest(word, keys)).toBe(meant)
})

test.each([
  [5, '5s'],
  [90, '90s'],
  [250, '250ms or 250s'],
  ['5000', '5s'],
  [120_000, '120s'],
  [1_500, '1500ms or 1500s'],
])('a number without a unit may be one of milliseconds: %s', (value, meant) => {
  expect(suggestDuration(value)).toBe(`did you mean ${meant}?`)
})
