/** One `/metrics` for an application and its monitor: our families in its registry, or the registry in our scrapes. */
import type { Exposition } from '../exposition/exposition.ts'
import type { FamilySamples, Heading } from '../exposition/family.ts'
import type { Logger } from '../model/logger.ts'
import { type ForeignMetric, type ForeignMetrics, familiesOf, foreignValues } from '../views/registry.ts'
import { checkRegistry } from './options.ts'

/** A registry of prom-client, of @prometheus-io/client, or of anything of their form, of any version. */
export interface MetricsRegistry {
  /** Takes a metric, and throws if its name is taken. */
  registerMetric(metric: never): void
  /** Takes a metric out by its name. */
  removeSingleMetric(name: string): void
  /** Reads all metrics. */
  getMetricsAsJSON(): Promise<unknown>
}

interface Bridge {
  exportTo(registry: MetricsRegistry): () => void
  include(registry: MetricsRegistry): void
}

interface Sources {
  readonly exposition: Exposition
  readonly logger: Logger
  /** Unix seconds. */
  readonly nowSeconds: () => number
}

export function createBridge({ exposition, logger, nowSeconds }: Sources): Bridge {
  const exported = new Set<MetricsRegistry>()
  const included = new Set<MetricsRegistry>()

  function refuseCircle(registry: MetricsRegistry, others: ReadonlySet<MetricsRegistry>): void {
    if (others.has(registry))
      throw new TypeError('a registry is either included in the monitor or gets its families, not both')
  }

  return {
    exportTo(registry) {
      checkRegistry(registry)
      refuseCircle(registry, included)
      const moment = createMoment(exposition)
      const metrics = new Map<string, ForeignMetric>()
      let isAdding = true
      const add = (family: Heading) => {
        const metric = createMetric(family, moment)
        try {
          registry.registerMetric(metric as never)
          metrics.set(family.name, metric)
        } catch (error) {
          if (isAdding) throw error
          logger.error({ family: family.name, cause: String(error) }, 'a family is missing in the registry')
        }
      }
      let leave = () => {}
      const remove = () => {
        exported.delete(registry)
        leave()
        // The registry may have renamed a counter, as it does for OpenMetrics.
        for (const [name, metric] of metrics)
          for (const known of new Set([name, metric.name])) registry.removeSingleMetric(known)
        metrics.clear()
      }
      try {
        leave = exposition.follow(add)
      } catch (error) {
        remove()
        throw error
      }
      isAdding = false
      exported.add(registry)
      return remove
    },

    include(registry) {
      checkRegistry(registry)
      refuseCircle(registry, exported)
      if (included.has(registry)) return
      included.add(registry)
      const created = nowSeconds()
      const known = new Set<string>()
      let latest: ForeignMetrics = new Map()
      const add = (metric: ForeignMetric) => {
        known.add(metric.name)
        try {
          exposition.collect(familiesOf(metric, created), () => latest)
        } catch (error) {
          logger.error({ family: metric.name, cause: String(error) }, 'a metric of the registry is left out')
        }
      }
      exposition.collect(
        [],
        () => latest,
        async () => {
          const metrics = (await registry.getMetricsAsJSON()) as readonly ForeignMetric[]
          latest = new Map(metrics.map(metric => [metric.name, metric]))
          for (const metric of metrics) if (!known.has(metric.name)) add(metric)
        },
      )
    },
  }
}

/** A registry asks its metrics one after the other within one turn; all of them get the same moment. */
function createMoment({ samples }: Exposition): () => Promise<ReadonlyMap<string, FamilySamples>> {
  let current: Promise<ReadonlyMap<string, FamilySamples>> | undefined
  const read = async () => {
    const all = await samples()
    current = undefined
    return new Map(all.map(family => [family.name, family]))
  }
  return () => {
    current ??= read()
    return current
  }
}

/** What a registry needs of a metric. It holds no values of its own, so there is nothing to reset. */
function createMetric(
  { name, help, type }: Heading,
  moment: () => Promise<ReadonlyMap<string, FamilySamples>>,
): ForeignMetric {
  const metric = {
    name,
    help,
    type,
    aggregator: 'first',
    async get() {
      const family = (await moment()).get(name)
      // By its present name: for OpenMetrics, a registry takes `_total` off, and adds it to the samples.
      return {
        name: metric.name,
        help,
        type,
        aggregator: 'first',
        values: family === undefined ? [] : foreignValues(family),
      }
    },
    reset() {},
  }
  return metric
}
