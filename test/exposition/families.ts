/** One family of each type over small subjects, for the tests of this room. */
import type { ExpositionResponse } from '../../src/exposition/exposition.ts'
import type { Family } from '../../src/exposition/family.ts'
import type { Histogram } from '../../src/exposition/histogram.ts'

export interface Thing {
  readonly name: string
  readonly value: number
  readonly histogram: Histogram
}

const exemplar = {
  labels: { trace_id: '0af7651916cd43dd8448eb211c80319c' },
  value: 0.25,
  timestamp: 1_700_000_001.5,
}

export const everyType: readonly Family<Thing>[] = [
  {
    name: 'thing_up',
    help: 'Says "up" \\ or\nnot.',
    type: 'gauge',
    samples: ({ name, value }) => [{ labels: { thing: name }, value }],
  },
  {
    name: 'thing_checks_total',
    help: 'Checks.',
    type: 'counter',
    samples: ({ name }) => [{ labels: { thing: name }, value: 3, created: 1_700_000_000.25, exemplar }],
  },
  {
    name: 'thing_seconds',
    help: 'Durations.',
    type: 'histogram',
    samples: ({ name, histogram }) => [{ labels: { thing: name }, histogram: histogram.value() }],
  },
]

export const accepts = {
  text: 'text/plain',
  openMetrics: 'application/openmetrics-text;version=1.0.0',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
}

/** The whole body of an answer, which it releases. */
export function bodyOf({ body, release }: ExpositionResponse): Buffer {
  const whole = Buffer.isBuffer(body) ? body : Buffer.concat([...body])
  release?.()
  return whole
}
