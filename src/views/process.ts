/** The metrics of the process as measured by prom-client, in the form of our families. */
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Family } from '../exposition/family.ts'
import { type ForeignMetric, type ForeignMetrics, familiesOf } from './registry.ts'

/** Gauges that are named like counters. Linters refuse them, and the series by type contain the same numbers. */
const misnamed = /^nodejs_active_(?:resources|handles|requests)_total$/

/**
 * Starts measuring the process. prom-client's collectors run until the process ends, so call this once, in a process of
 * our own.
 */
export async function createProcessMetrics(): Promise<{
  families: readonly Family<ForeignMetrics>[]
  /** The measurements of the last call of `prepare`. */
  read(): ForeignMetrics
  prepare(): Promise<void>
}> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const createdSeconds = Date.now() / 1_000
  let latest: ForeignMetrics = new Map()
  const prepare = async () => {
    const metrics = (await registry.getMetricsAsJSON()) as readonly ForeignMetric[]
    latest = new Map(metrics.filter(({ name }) => !misnamed.test(name)).map(metric => [metric.name, metric]))
  }
  await prepare()
  return {
    families: [...latest.values()].flatMap(metric => familiesOf(metric, createdSeconds)),
    read: () => latest,
    prepare,
  }
}
