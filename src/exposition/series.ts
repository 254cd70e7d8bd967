/** The names under which a family's series are stored, and how many series there are. */
import type { Family, Heading } from './family.ts'

/** Of every histogram, beside its buckets: `+Inf`, `_sum`, `_count` and `_created`. */
const histogramExtras = 4
const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** Every name under which some format shows a family or its series. No other family may show any of them. */
export function exposedNames({ name, type }: Heading): readonly string[] {
  if (!metricName.test(name)) throw new TypeError(`"${name}" is not a metric name`)
  if (type === 'gauge') return [name]
  if (type === 'histogram')
    return [name, ...['bucket', 'sum', 'count', 'created'].map(end => `${name}_${end}`)]
  if (!name.endsWith('_total')) throw new TypeError(`the counter ${name} must end in _total`)
  const base = name.slice(0, -'_total'.length)
  return [base, name, `${base}_created`]
}

/**
 * How many series a server stores for a subject, in the format that makes the most of them: OpenMetrics, whose
 * creation times are series too.
 */
export function countSeries<Subject>(families: readonly Family<Subject>[], subject: Subject): number {
  return families.reduce((sum, family) => sum + countFamily(family, subject), 0)
}

function countFamily<Subject>(family: Family<Subject>, subject: Subject): number {
  const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
  if (family.type === 'histogram')
    return sum(family.samples(subject).map(({ histogram }) => histogram.buckets.length + histogramExtras))
  const hasCreated = family.type === 'counter'
  return sum(family.samples(subject).map(({ created }) => (hasCreated && created !== undefined ? 2 : 1)))
}
