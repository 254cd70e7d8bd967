/** A histogram of observations, with classic buckets and, optionally, native ones. */
import { createExponential, type ExponentialOptions } from './exponential.ts'
import type { Exemplar, HistogramValue } from './family.ts'

export interface HistogramOptions {
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
