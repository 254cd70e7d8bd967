import { expect, test } from 'vitest'
import { fraction, nextTick, spreadMs } from '../../src/schedule/phase.ts'

test('the fractions of many names fill the interval evenly', () => {
  const tenths = Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) tenths[Math.floor(10 * fraction(`service-${i}`))]! += 1
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
})

test.each([
  // fraction, interval, startedAt, after, next
  [0.5, 1_000, 0, 0, 500],
  [0.5, 1_000, 0, 500, 1_500],
  [0.5, 1_000, 0, 499.9, 500],
  [0, 1_000, 100, 100, 1_100],
  [0.25, 1_000, 100, 10_000, 10_350],
])('a tick of %d × %i ms from %d on, after %d, is at %d', (share, intervalMs, startedAt, after, next) => {
  expect(nextTick(share, intervalMs, startedAt, after)).toBe(next)
})

test('first checks are spread over a second, or the interval if it is shorter', () => {
  expect([spreadMs(0.5, 15_000), spreadMs(0.5, 200)]).toEqual([500, 100])
})
