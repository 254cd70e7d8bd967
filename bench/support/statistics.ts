/** What the tables show of many measured values. */

/** The value in the middle, of an even number the upper one; NaN of none. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The smallest value that more than this share of all values do not exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
