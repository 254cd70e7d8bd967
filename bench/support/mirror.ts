/** Our series in prom-client: read off what Pulsecheck shows of one dependency, so that there are as many of the same sorts. */
import { Counter, Gauge, Histogram, type LabelValues, type Registry } from 'prom-client'
import { createMonitor } from '../../src/monitor.ts'
import { until } from '../../test/support/net.ts'
import { manyDependencies } from './dependencies.ts'

type Labels = Record<string, string>

/** The samples of one family, which differ in their labels. */
interface Shown {
  readonly name: string
  readonly type: string
  readonly labels: readonly Labels[]
}

/** Registers our families, and returns what records one result of a dependency in all of them. */
export async function mirror(registry: Registry): Promise<(name: string) => void> {
  const records = familiesOf(await text()).map(family => recorder(registry, family))
  return name => {
    for (const record of records) record(name)
  }
}

function recorder(registry: Registry, { name, type, labels }: Shown): (dependency: string) => void {
  const labelNames = [...new Set(labels.flatMap(Object.keys))].filter(label => label !== 'le')
  const common = { name, help: 'A cached result.', labelNames, registers: [registry] }
  const each = (record: (labels: LabelValues<string>) => void) => (dependency: string) => {
    for (const own of labels) record({ ...own, dependency })
  }
  if (type === 'histogram') {
    const buckets = labels.flatMap(({ le }) => (le === undefined || le === '+Inf' ? [] : [Number(le)]))
    const histogram = new Histogram({ ...common, buckets })
    const { kind = '' } = labels[0] ?? {}
    return dependency => histogram.observe({ dependency, kind }, Math.random())
  }
  if (type === 'counter') {
    const counter = new Counter(common)
    return each(labels => counter.inc(labels))
  }
  const gauge = new Gauge(common)
  const changing = name.endsWith('_seconds')
  return each(labels => gauge.set(labels, changing ? Date.now() / 1_000 : 1))
}

/** The families of dependencies in text format 0.0.4. */
function familiesOf(text: string): readonly Shown[] {
  return text
    .split(/^# HELP /m)
    .map(block => {
      const [, name = '', type = ''] = /^# TYPE (\S+) (\S+)$/m.exec(block) ?? []
      const samples = [...block.matchAll(/^\w+\{(.*)\} \S+$/gm)].map(([, labels = '']) => labelsOf(labels))
      return { name, type, labels: samples.filter(({ dependency }) => dependency !== undefined) }
    })
    .filter(({ labels }) => labels.length > 0)
}

function labelsOf(text: string): Labels {
  return Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
}

async function text(): Promise<string> {
  const monitor = createMonitor({ dependencies: manyDependencies({ dependencies: 1, intervalMs: 1_000 }) })
  monitor.start()
  await until(() => monitor.state.snapshot().states[0]?.status === 'up', 'a result')
  const { body } = await monitor.metrics()
  await monitor.stop()
  return body.toString()
}
