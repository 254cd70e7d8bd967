import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fractionOf, nextTick, spreadMs } from '../../src/schedule/timetable.ts'

test('the fractions of many names fill the interval evenly', () => {
  const tenths = Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) tenths[Math.floor(10 * fractionOf(`service-${i}`))]! += 1
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

/** Ticks of a dependency that has run for up to three years, from a start with the fractions of `performance.now()`. */
const grid = fc.record({
  share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  intervalMs: fc.oneof(fc.integer({ min: 1, max: 3_600_000 }), fc.constantFrom(20, 100, 1_000, 15_000)),
  startedAt: fc.double({ min: 0, max: 1e11, noNaN: true }),
  age: fc.double({ min: 0, max: 1e11, noNaN: true }),
})
/** Of the rounding of times of this size. */
const tolerance = 1e-3

test('the next tick is later than the moment asked about, by at most one interval, and on the grid', () => {
  fc.assert(
    fc.property(grid, ({ share, intervalMs, startedAt, age }) => {
      const after = startedAt + age
      const next = nextTick(share, intervalMs, startedAt, after)
      const steps = (next - startedAt - share * intervalMs) / intervalMs
      expect(next).toBeGreaterThan(after)
      expect(next - after).toBeLessThanOrEqual(intervalMs + tolerance)
      expect(Math.abs(steps - Math.round(steps)) * intervalMs).toBeLessThan(tolerance)
    }),
    { numRuns: 20_000 },
  )
})

test('from tick to tick, none comes twice, none is left out, and they do not drift', () => {
  fc.assert(
    fc.property(grid, ({ share, intervalMs, startedAt, age }) => {
      const first = nextTick(share, intervalMs, startedAt, startedAt + age)
      let tick = first
      for (let steps = 1; steps <= 500; steps++) {
        tick = nextTick(share, intervalMs, startedAt, tick)
        if (Math.abs(tick - first - steps * intervalMs) > tolerance) expect.fail(`step ${steps}: ${tick}`)
      }
    }),
    { numRuns: 500 },
  )
})

test('a moment just before a tick is followed by that tick', () => {
  fc.assert(
    fc.property(grid, ({ share, intervalMs, startedAt, age }) => {
      const tick = nextTick(share, intervalMs, startedAt, startedAt + age)
      expect(nextTick(share, intervalMs, startedAt, tick - 0.25)).toBe(tick)
    }),
    { numRuns: 20_000 },
  )
})
