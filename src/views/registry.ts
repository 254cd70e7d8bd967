/**
 * Metrics of prom-client, and of its successor @prometheus-io/client, as families of ours, and the other way round. Pure,
 * and by their form alone: no version of either is needed.
 */
import {
  bucketExemplars,
  type Exemplar,
  type Family,
  type FamilySamples,
  type HistogramSample,
  type NumberSample,
} from '../exposition/family.ts'

/** A metric as a registry gives it (`getMetricsAsJSON`), or takes it from the `get` of one. */
export interface ForeignMetric {
  readonly name: string
  readonly help: string
  /** `counter`, `gauge`, `histogram` or `summary`. */
  readonly type: unknown
  readonly values?: readonly ForeignValue[]
}

interface ForeignValue {
  readonly labels?: Readonly<Partial<Record<string, string | number>>>
  readonly value: number
  /** Of histograms and summaries: the name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string
  readonly exemplar?: { readonly labelSet: object; readonly value: number; readonly timestamp: number }
}

/** The metrics of a registry at one moment, by name. */
export type ForeignMetrics = ReadonlyMap<string, ForeignMetric>

/**
 * The families that a metric is shown as. A counter whose name lacks `_total` gets it, as OpenMetrics demands; a summary
 * becomes gauges, since its quantiles cannot be merged anyway.
 *
 * @param created when counting began, in Unix seconds.
 */
export function familiesOf(metric: ForeignMetric, created: number): readonly Family<ForeignMetrics>[] {
  const { name, help } = metric
  const valuesIn = (metrics: ForeignMetrics) => metrics.get(name)?.values ?? []
  // The type is an enum in the types and a plain string in the values.
  switch (String(metric.type)) {
    case 'histogram':
      return [{ name, help, type: 'histogram', samples: all => histograms(valuesIn(all), created) }]
    case 'counter': {
      const samples = (all: ForeignMetrics) => valuesIn(all).map(value => sample(value, created))
      return [{ name: name.replace(/(?:_total)?$/, '_total'), help, type: 'counter', samples }]
    }
    case 'summary':
      return ['', '_sum', '_count'].map(ending => {
        const samples = (all: ForeignMetrics) =>
          valuesIn(all)
            .filter(({ metricName = name }) => metricName === `${name}${ending}`)
            .map(value => sample(value))
        return { name: `${name}${ending}`, help, type: 'gauge', samples }
      })
    default:
      return [{ name, help, type: 'gauge', samples: all => valuesIn(all).map(value => sample(value)) }]
  }
}

function sample({ labels = {}, value }: ForeignValue, created?: number): NumberSample {
  return { labels: texts(labels), value, created }
}

/** A histogram is listed as its single series; the ones that differ in `le` alone belong together. */
function histograms(values: readonly ForeignValue[], created: number): readonly HistogramSample[] {
  const bySeries = Map.groupBy(values, ({ labels = {} }) => {
    const { le: _, ...series } = labels
    return JSON.stringify(texts(series))
  })
  return [...bySeries].map(([labels, series]) => {
    const ending = (end: string) => series.filter(({ metricName }) => metricName?.endsWith(end))
    const buckets = ending('_bucket')
      .filter(({ labels }) => labels?.le !== '+Inf')
      .map(({ labels, value }) => ({ le: Number(labels?.le), count: value }))
    const [sum, count] = [ending('_sum')[0]?.value ?? 0, ending('_count')[0]?.value ?? 0]
    return { labels: JSON.parse(labels), histogram: { count, sum, created, buckets } }
  })
}

function texts(labels: Readonly<Partial<Record<string, string | number>>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]))
}

/** The values of a family as a registry reads them from a metric. */
export function foreignValues(family: FamilySamples): readonly ForeignValue[] {
  if (family.type !== 'histogram')
    return family.samples.map(({ labels, value, exemplar }) => withExemplar({ labels, value }, exemplar))
  const { name } = family
  return family.samples.flatMap(({ labels, histogram }) => {
    const marks = bucketExemplars(histogram)
    const bucket = (le: number | string, value: number, exemplar: Exemplar | undefined) =>
      withExemplar({ metricName: `${name}_bucket`, labels: { ...labels, le }, value }, exemplar)
    return [
      ...histogram.buckets.map(({ le, count }, i) => bucket(le, count, marks[i])),
      bucket('+Inf', histogram.count, marks[histogram.buckets.length]),
      { metricName: `${name}_sum`, labels, value: histogram.sum },
      { metricName: `${name}_count`, labels, value: histogram.count },
    ]
  })
}

function withExemplar(value: ForeignValue, exemplar: Exemplar | undefined): ForeignValue {
  if (exemplar === undefined) return value
  const { labels: labelSet, value: observed, timestamp } = exemplar
  return { ...value, exemplar: { labelSet, value: observed, timestamp } }
}
