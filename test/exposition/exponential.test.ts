import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createExponential } from '../../src/exposition/histogram.ts'

const upper = (schema: number, index: number) => 2 ** (index * 2 ** -schema)
const total = (counts: ReadonlyMap<number, number>) => [...counts.values()].reduce((sum, n) => sum + n, 0)

describe('a value on a bound belongs to the bucket below it', () => {
  test.each([
    [0, 1, 0],
    [0, 1.0000001, 1],
    [0, 2, 1],
    [0, 0.5, -1],
    [0, 0.25, -2],
    [3, 1, 0],
    [3, 2, 8],
    [3, 2.0000001, 9],
    [3, 0.001, -79],
    [3, 1024, 80],
    [-1, 4, 1],
    [-1, 4.1, 2],
    [-4, 65_536, 1],
    [-4, 1, 0],
    [8, 1, 0],
    [8, 2, 256],
    [3, Number.MAX_VALUE, 8192],
  ])('schema %d: %d is in bucket %d', (schema, value, index) => {
    const native = createExponential({ schema })
    native.observe(value)
    expect([...native.value().positive]).toEqual([[index, 1]])
  })
})

test('so does the next number below it, and the next number above belongs to the bucket above, at every power of two', () => {
  const neighbour = (value: number, step: bigint) => {
    const bits = new BigUint64Array(new Float64Array([value]).buffer)
    return new Float64Array(new BigUint64Array([bits[0]! + step]).buffer)[0]!
  }
  const indexOf = (value: number) => {
    const native = createExponential({ schema: 3, zeroThreshold: Number.MIN_VALUE })
    native.observe(value)
    return [...native.value().positive.keys()][0]
  }
  for (let power = -1_000; power <= 1_000; power++) {
    const bound = 2 ** power
    const indices = [neighbour(bound, -1n), bound, neighbour(bound, 1n)].map(indexOf)
    expect(indices).toEqual([8 * power, 8 * power, 8 * power + 1])
  }
})

test('the schema is lowered only when more buckets are filled than it may have', () => {
  const native = createExponential({ schema: 3, maxBuckets: 2 })
  for (const value of [1, 1.5]) native.observe(value)
  expect(native.value().schema).toBe(3)
  native.observe(2)
  expect(native.value()).toMatchObject({
    schema: 1,
    positive: new Map([
      [0, 1],
      [2, 2],
    ]),
  })
})

test('every value lies within the bounds of its bucket, at every schema', () => {
  const value = fc.double({ min: 1e-9, max: 1e9, noNaN: true })
  fc.assert(
    fc.property(value, fc.integer({ min: -4, max: 8 }), (observed, schema) => {
      const native = createExponential({ schema })
      native.observe(observed)
      const [index = Number.NaN] = native.value().positive.keys()
      expect(observed).toBeLessThanOrEqual(upper(schema, index) * (1 + 1e-12))
      expect(observed).toBeGreaterThan(upper(schema, index - 1) * (1 - 1e-12))
    }),
  )
})

test('zero, negative values and all up to the threshold are counted as zero', () => {
  const native = createExponential({ zeroThreshold: 1e-6 })
  for (const value of [0, -1, 1e-7, 1e-6, 2e-6]) native.observe(value)
  expect(native.value()).toMatchObject({ zeroThreshold: 1e-6, zeroCount: 4 })
  expect(total(native.value().positive)).toBe(1)
})

test('the zero threshold is 2^-128 unless said otherwise', () => {
  expect(createExponential({}).value()).toMatchObject({ schema: 3, zeroThreshold: 2 ** -128 })
})

test('lowering the schema keeps every value in a bucket that holds it, and never exceeds the bound', () => {
  const values = fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 20 }), (observed, maxBuckets) => {
      const native = createExponential({ schema: 8, maxBuckets })
      for (const value of observed) native.observe(value)
      const { schema, positive } = native.value()
      expect(total(positive)).toBe(observed.length)
      if (schema > -4) expect(positive.size).toBeLessThanOrEqual(maxBuckets)
      const expected = new Map<number, number>()
      const direct = createExponential({ schema, maxBuckets: 10_000 })
      for (const value of observed) direct.observe(value)
      for (const [index, count] of direct.value().positive) expected.set(index, count)
      expect(new Map([...positive].sort())).toEqual(new Map([...expected].sort()))
    }),
  )
})

test('160 buckets by default: a wide spread lowers the schema, a narrow one does not', () => {
  const narrow = createExponential({})
  const wide = createExponential({})
  for (let i = 0; i < 2_000; i++) {
    narrow.observe(0.001 * 1.005 ** i)
    wide.observe(1e-9 * 1.03 ** i)
  }
  expect(narrow.value().schema).toBe(3)
  expect(wide.value().schema).toBe(0)
  expect(wide.value().positive.size).toBeLessThanOrEqual(160)
})
