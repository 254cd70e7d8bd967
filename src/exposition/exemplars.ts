import type { Exemplar, HistogramValue, Labels } from './family.ts'

/** OpenMetrics 1.0: the names and values of an exemplar's labels hold at most so many characters together. */
const maxCharacters = 128

/** Whether an exemplar is short enough to be shown; parsers refuse the whole scrape over one that is not. */
export function isShort(labels: Labels): boolean {
  return Object.entries(labels).join('').length - Object.keys(labels).length <= maxCharacters
}

/** For each classic bucket, the one of `+Inf` last, the last exemplar that falls into it. */
export function bucketExemplars({ buckets, exemplars = [] }: HistogramValue): readonly Exemplar[] {
  const marks: Exemplar[] = []
  for (const exemplar of exemplars) {
    const i = buckets.findIndex(({ le }) => exemplar.value <= le)
    marks[i === -1 ? buckets.length : i] = exemplar
  }
  return marks
}
