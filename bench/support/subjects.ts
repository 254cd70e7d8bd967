/** Subjects of 22 lines each, as our families and as prom-client's metrics: the same series in both. */
import { Counter, Gauge, Histogram as PromHistogram, type Registry } from 'prom-client'
import type { Exposition } from '../../src/exposition/exposition.ts'
import type { Family, Labels, NumberSample } from '../../src/exposition/family.ts'
import { createHistogram, type Histogram } from '../../src/exposition/histogram.ts'

const buckets = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10]
const gauges = [
  'dependency_up',
  'dependency_check_success',
  'dependency_critical',
  'dependency_last_check_timestamp_seconds',
  'dependency_last_success_timestamp_seconds',
  'dependency_connect_duration_seconds',
  'dependency_request_duration_seconds',
]
const counters = [
  'dependency_checks_total',
  'dependency_transitions_total',
  'dependency_checks_skipped_total',
  'dependency_check_failures_total',
]
const histogramName = 'dependency_check_duration_seconds'
const help = 'A cached result of the last completed check of this dependency.'

interface Numbers {
  readonly name: string
  readonly labels: Labels
  readonly values: Readonly<Record<string, number>>
  readonly durationSeconds: number
}

interface Subject extends Numbers {
  readonly histogram: Histogram
}

/** 7 gauges, 4 counters, and a histogram of 8 buckets, `+Inf`, sum and count. */
const families: readonly Family<Subject>[] = [
  ...gauges.map(name => ({ name, help, type: 'gauge' as const, samples: sampleOf(name) })),
  ...counters.map(name => ({ name, help, type: 'counter' as const, samples: sampleOf(name) })),
  {
    name: histogramName,
    help,
    type: 'histogram',
    samples: ({ labels, histogram }) => [{ labels, histogram: histogram.value() }],
  },
]

function sampleOf(name: string): (subject: Subject) => readonly NumberSample[] {
  return ({ labels, values }) => [{ labels, value: values[name] ?? 0 }]
}

/** Feeds our exposition: a function that takes the next numbers of one subject. */
export function feedExposition(exposition: Exposition): (numbers: Numbers) => void {
  const group = exposition.group(families)
  const histograms = new Map<string, Histogram>()
  return numbers => {
    const histogram =
      histograms.get(numbers.name) ?? createHistogram({ buckets, native: {}, createdSeconds: 1_700_000_000 })
    histograms.set(numbers.name, histogram)
    histogram.observe(numbers.durationSeconds)
    group.set(numbers.name, { ...numbers, histogram })
  }
}

/** Feeds prom-client, likewise. */
export function feedPromClient(registry: Registry): (numbers: Numbers) => void {
  const common = { help, labelNames: ['dependency', 'kind'], registers: [registry] }
  const gaugeMetrics = gauges.map(name => ({ name, metric: new Gauge({ ...common, name }) }))
  const counterMetrics = counters.map(name => new Counter({ ...common, name }))
  const histogram = new PromHistogram({ ...common, name: histogramName, buckets })
  return ({ labels, values, durationSeconds }) => {
    for (const { name, metric } of gaugeMetrics) metric.set(labels, values[name] ?? 0)
    for (const metric of counterMetrics) metric.inc(labels, 1)
    histogram.observe(labels, durationSeconds)
  }
}

/** The numbers of subject `i` in a round: all but the constant ones differ from the round before. */
export function numbersOf(i: number, round: number): Numbers {
  const name = `orders-database-${String(i).padStart(5, '0')}`
  const seconds = 1_700_000_000 + round * 15 + (i % 1000) / 1000
  const durationSeconds = 0.0005 * (1 + ((i * 7919 + round * 104_729) % 10_007))
  const values: Record<string, number> = {}
  for (const gauge of gauges) values[gauge] = gauge.endsWith('timestamp_seconds') ? seconds : round % 2
  for (const counter of counters) values[counter] = round
  values.dependency_connect_duration_seconds = durationSeconds / 3
  values.dependency_request_duration_seconds = durationSeconds / 2
  return { name, labels: { dependency: name, kind: 'postgres' }, values, durationSeconds }
}
