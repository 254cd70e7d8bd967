/** The metrics of the process as measured by prom-client, in the form of our families. */
import { collectDefaultMetrics, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import type { Family, HistogramSample, NumberSample } from '../exposition/family.ts'

type Measured = MetricObjectWithValues<MetricValue<string>>

/** All metrics at one moment, by name. */
export type ProcessMetrics = ReadonlyMap<string, Measured>

/** Gauges that are named like counters. Linters refuse them, and the series by type contain the same numbers. */
const misnamed = /^nodejs_active_(?:resources|handles|requests)_total$/

/**
 * Starts measuring the process. prom-client's collectors run until the process ends, so call this once, in a process of
 * our own.
 */
export async function createProcessMetrics(): Promise<{
  families: readonly Family<ProcessMetrics>[]
  /** The measurements of the last call of `prepare`. */
  read(): ProcessMetrics
  prepare(): Promise<void>
}> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const createdSeconds = Date.now() / 1_000
  let latest: ProcessMetrics = new Map()
  const prepare = async () => {
    const metrics = (await registry.getMetricsAsJSON()) as Measured[]
    latest = new Map(metrics.filter(({ name }) => !misnamed.test(name)).map(metric => [metric.name, metric]))
  }
  await prepare()
  return {
    families: [...latest.values()].map(metric => family(metric, createdSeconds)),
    read: () => latest,
    prepare,
  }
}

function family({ name, help, type }: Measured, created: number): Family<ProcessMetrics> {
  const values = (metrics: ProcessMetrics) => metrics.get(name)?.values ?? []
  // MetricType is an enum in the types and a plain string in the values of prom-client 15.
  if (String(type) === 'histogram') {
    return { name, help, type: 'histogram', samples: metrics => histograms(values(metrics), created) }
  }
  const counts = String(type) === 'counter'
  const samples = (metrics: ProcessMetrics) =>
    values(metrics).map(value => sample(value, counts ? created : undefined))
  return { name, help, type: counts ? 'counter' : 'gauge', samples }
}

function sample({ labels, value }: MetricValue<string>, created: number | undefined): NumberSample {
  return { labels: texts(labels), value, created }
}

/** prom-client lists each series of a histogram. Those that differ only in `le` belong together. */
function histograms(values: readonly MetricValue<string>[], created: number): readonly HistogramSample[] {
  const bySeries = Map.groupBy(values, ({ labels: { le: _, ...labels } }) => JSON.stringify(texts(labels)))
  return [...bySeries].map(([labels, series]) => {
    const ending = (end: string) =>
      series.filter(value => (value as { metricName?: string }).metricName?.endsWith(end))
    const buckets = ending('_bucket')
      .filter(({ labels }) => labels.le !== '+Inf')
      .map(({ labels, value }) => ({ le: Number(labels.le), count: value }))
    const [sum, count] = [ending('_sum')[0]?.value ?? 0, ending('_count')[0]?.value ?? 0]
    return { labels: JSON.parse(labels), histogram: { count, sum, created, buckets } }
  })
}

function texts(labels: Partial<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]))
}
