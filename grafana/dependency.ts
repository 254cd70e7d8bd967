/** One dependency, as every instance sees it: is it the dependency, or the way to it? */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { choosing, frame } from './frame.ts'
import { heat, lines, numbers, timeline } from './panels.ts'
import { chosen, durationBuckets, durationQuantile, rateBy } from './queries.ts'

/** What of a kind the dashboard shows. */
export interface KindMeasurements {
  readonly name: string
  readonly measurements?: Readonly<Record<string, string>>
}

export function dependency(kinds: readonly KindMeasurements[]): dashboard.DashboardBuilder {
  const builder = frame(
    'pulsecheck-dependency',
    'Pulsecheck / Dependency',
    'One dependency as every instance sees it: is it the dependency, or the way to it?',
  )
  return withMeasurements(withInstances(withChecks(withNow(choosing(builder, 'one')))), kinds)
}

function withNow(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Now'))
    .withPanel(
      numbers(
        { title: 'Status', description: 'As each instance sees it.', unit: 'short', width: 8, height: 5 },
        { [`dependency_up{${chosen}}`]: '{{instance}}' },
        { names: { 1: ['up', 'green'], 0: ['down', 'red'] } },
      ),
    )
    .withPanel(
      numbers(
        {
          title: 'For',
          description: 'How long the status has been what it is.',
          unit: 's',
          width: 8,
          height: 5,
        },
        { [`time() - dependency_status_since_timestamp_seconds{${chosen}}`]: '{{instance}}' },
      ),
    )
    .withPanel(
      numbers(
        {
          title: 'Reason',
          description: 'Why it is down, by instance. Empty while it is up.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        { [`dependency_failure{${chosen}}`]: '{{instance}}: {{reason}}' },
        { names: { 1: ['', 'red'] } },
      ),
    )
}

function withChecks(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Checks'))
    .withPanel(
      heat(
        {
          title: 'Durations',
          description:
            'How many checks took how long. Points are slow and failed checks; they lead to their traces.',
          unit: 's',
          width: 12,
          height: 9,
        },
        durationBuckets(),
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Percentiles against the timeout',
          description: 'Over all chosen instances, with the timeout and the objective, if there is one.',
          unit: 's',
          width: 12,
          height: 9,
        },
        {
          [durationQuantile(0.5, 'dependency')]: 'p50',
          [durationQuantile(0.95, 'dependency')]: 'p95',
          [durationQuantile(0.99, 'dependency')]: 'p99',
          [`max by (dependency) (dependency_timeout_seconds{${chosen}})`]: 'timeout',
          [`max by (dependency) (dependency_latency_slo_seconds{${chosen}})`]: 'objective',
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Phases',
          description: 'Where the time of a check goes, on average over the chosen instances.',
          unit: 's',
          width: 12,
        },
        { [`avg by (phase) (dependency_check_phase_duration_seconds{${chosen}})`]: '{{phase}}' },
        { stacked: true },
      ),
    )
    .withPanel(
      lines(
        { title: 'Failures by reason', description: 'Failed checks per second.', unit: 'ops', width: 12 },
        { [rateBy('reason', 'dependency_check_failures_total', chosen)]: '{{reason}}' },
        { stacked: true },
      ),
    )
}

function withInstances(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Every instance that checks it'))
    .withPanel(
      timeline(
        {
          title: 'Status by instance',
          description: 'All down at once: the dependency. Some down: the way to it. A gap is unknown.',
          unit: 'short',
          width: 24,
          height: 6,
        },
        { [`dependency_up{${chosen}}`]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        { title: '99th percentile by instance', description: 'Of the check duration.', unit: 's', width: 12 },
        { [durationQuantile(0.99, 'instance')]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        { title: 'Failures by instance', description: 'Failed checks per second.', unit: 'ops', width: 12 },
        { [rateBy('instance', 'dependency_check_failures_total', chosen)]: '{{instance}}' },
      ),
    )
}

/** A row for each kind. Of a dependency of another kind, it is empty. */
function withMeasurements(
  builder: dashboard.DashboardBuilder,
  kinds: readonly KindMeasurements[],
): dashboard.DashboardBuilder {
  for (const { name, measurements = {} } of kinds) {
    const entries = Object.entries(measurements)
    if (entries.length === 0) continue
    builder.withRow(new dashboard.RowBuilder(`Measurements of ${name}`))
    for (const [measurement, help] of entries) builder.withPanel(measured(name, measurement, help))
  }
  return builder
}

function measured(kind: string, measurement: string, help: string) {
  const family = `dependency_${kind}_${measurement}`
  const isTime = measurement.endsWith('_timestamp_seconds')
  const words = measurement.replace(/_timestamp_seconds$|_seconds$|_bytes$/, '').replaceAll('_', ' ')
  return lines(
    {
      title: `${words[0]?.toUpperCase()}${words.slice(1)}${isTime ? ', days from now' : ''}`,
      description: help,
      unit: isTime ? 'd' : unitOf(measurement),
      width: 8,
      height: 7,
    },
    { [isTime ? `(${family}{${chosen}} - time()) / 86400` : `${family}{${chosen}}`]: '{{instance}}' },
  )
}

function unitOf(measurement: string): string {
  if (measurement.endsWith('_seconds')) return 's'
  return measurement.endsWith('_bytes') ? 'bytes' : 'short'
}
