/**
 * A histogram of observations, with classic buckets and, optionally, native ones: sparse, with bounds that grow by a
 * constant factor.
 */
import type { Exemplar, HistogramValue, NativeBuckets } from './family.ts'

interface HistogramOptions {
  /** Upper bounds of the classic buckets, ascending and finite; none switches them off. */
  readonly buckets: readonly number[]
  /** Without it, there are no native buckets. */
  readonly native?: ExponentialOptions | undefined
  /** When counting begins, in Unix seconds. */
  readonly createdSeconds: number
}

export interface Histogram {
  /**
   * Counts one value, in the unit of the bounds. Its exemplar, if any, replaces the previous one of the same classic
   * bucket. A value that is not finite is not counted, since the sum would never be usable again.
   */
  observe(value: number, exemplar?: Omit<Exemplar, 'value'>): void
  /** All observations so far. The returned value does not change afterwards. */
  value(): HistogramValue
}

/** @throws RangeError if the bounds are not ascending and finite, or the native options are out of their range. */
export function createHistogram({ buckets, native, createdSeconds }: HistogramOptions): Histogram {
  if (!buckets.every((le, i) => Number.isFinite(le) && le > (buckets[i - 1] ?? Number.NEGATIVE_INFINITY)))
    throw new RangeError('the bounds of a histogram must be finite and ascending')
  const exponential = native && createExponential(native)
  const counts: number[] = Array(buckets.length + 1).fill(0)
  const exemplars = new Map<number, Exemplar>()
  let sum = 0
  let count = 0

  return {
    observe(value, exemplar) {
      if (!Number.isFinite(value)) return
      const bucket = bucketOf(buckets, value)
      counts[bucket] = (counts[bucket] ?? 0) + 1
      sum += value
      count += 1
      exponential?.observe(value)
      if (exemplar !== undefined) exemplars.set(bucket, { ...exemplar, value })
    },
    value() {
      let below = 0
      return {
        count,
        sum,
        created: createdSeconds,
        buckets: buckets.map((le, i) => {
          below += counts[i] ?? 0
          return { le, count: below }
        }),
        exemplars: [...exemplars.values()],
        native: exponential?.value(),
      }
    },
  }
}

function bucketOf(buckets: readonly number[], value: number): number {
  const i = buckets.findIndex(le => value <= le)
  return i === -1 ? buckets.length : i
}

interface ExponentialOptions {
  /** The initial resolution, from -4 to 8: bounds grow by 2^(2^-schema). Default 3, a factor of 1.09. */
  readonly schema?: number
  /** When more buckets than this are filled, the schema is lowered. Default 160, at least 1. */
  readonly maxBuckets?: number
  /** Values up to this count as zero. Default 2^-128, as in client_golang. */
  readonly zeroThreshold?: number
}

interface Exponential {
  observe(value: number): void
  value(): NativeBuckets
}

const lowestSchema = -4
const highestSchema = 8

/** @throws RangeError if an option is out of its range. */
export function createExponential(options: ExponentialOptions): Exponential {
  const { schema: start = 3, maxBuckets = 160, zeroThreshold = 2 ** -128 } = options
  if (!Number.isInteger(start) || start < lowestSchema || start > highestSchema)
    throw new RangeError(`a schema is a whole number from ${lowestSchema} to ${highestSchema}`)
  if (!(maxBuckets >= 1)) throw new RangeError('a native histogram has at least one bucket')
  if (!(zeroThreshold > 0)) throw new RangeError('a zero threshold is above 0')

  const fractions = fractionsOf(start)
  let schema = start
  let positive = new Map<number, number>()
  let zeroCount = 0

  return {
    observe(value) {
      if (value <= zeroThreshold) {
        zeroCount += 1
        return
      }
      const index = lowerIndex(indexOf(value, start, fractions), start - schema)
      positive.set(index, (positive.get(index) ?? 0) + 1)
      while (positive.size > maxBuckets && schema > lowestSchema) {
        schema -= 1
        positive = mergeNeighbours(positive)
      }
    },
    value: () => ({ schema, zeroThreshold, zeroCount, positive: new Map(positive) }),
  }
}

/** The bounds inside one power of two, [0.5, 1), as `frexp` sees numbers; at schemas of 0 and below, 0.5 alone. */
function fractionsOf(schema: number): readonly number[] {
  const count = 2 ** Math.max(schema, 0)
  return Array.from({ length: count }, (_, i) => 2 ** (i / count - 1))
}

/** The index of the bucket whose upper bound is the first that is not below the value. */
function indexOf(value: number, schema: number, fractions: readonly number[]): number {
  // Just below a power of two the logarithm may round up, which gives the same bucket: the one below that bound.
  const exponent = Math.floor(Math.log2(value)) + 1
  // In two steps, because 2^1024 exceeds the range of numbers.
  const fraction = value / 2 ** (exponent - 1) / 2
  const above = fractions.findIndex(bound => fraction <= bound)
  const index = (exponent - 1) * fractions.length + (above === -1 ? fractions.length : above)
  return schema < 0 ? lowerIndex(index, -schema) : index
}

/** The index after lowering the schema this many times. Each time, two neighbours become one bucket. */
function lowerIndex(index: number, times: number): number {
  return Math.ceil(index / 2 ** times)
}

function mergeNeighbours(counts: ReadonlyMap<number, number>): Map<number, number> {
  const wider = new Map<number, number>()
  for (const [index, count] of counts) {
    const to = lowerIndex(index, 1)
    wider.set(to, (wider.get(to) ?? 0) + count)
  }
  return wider
}
