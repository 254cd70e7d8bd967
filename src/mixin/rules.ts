/**
 * The rule file for Prometheus, and its recording rules: what several instances see as one series for each dependency,
 * and the windows of burn rates.
 */
import { stringify } from 'yaml'
import type { Dependency } from '../model/dependency.ts'
import { formatDuration } from '../model/notation.ts'
import { type Alert, qualityAlerts, statusAlerts } from './alerts.ts'
import {
  downRatio,
  identity,
  indent,
  infoIdentity,
  lastKnown,
  quantileOf,
  recorded,
  type Timing,
  timing,
} from './promql.ts'
import { selfAlerts } from './self.ts'

/** What of a kind the rules are about. */
export interface KindMeasurements {
  readonly name: string
  readonly measurements?: Readonly<Record<string, string>>
}

interface RulesOptions {
  readonly kinds: readonly KindMeasurements[]
  /** Those of the config; undefined for rules that suit any config. */
  readonly dependencies?: readonly Dependency[] | undefined
  /** Under which Prometheus scrapes Pulsecheck. */
  readonly jobs: readonly string[]
  readonly scrapeIntervalMs: number
  /** Where the runbooks are. An alert's own is beneath it. */
  readonly runbookUrl: string
}

/** The text of a rule file that Prometheus 2.42 and later reads. */
export function ruleFile(options: RulesOptions): string {
  const { dependencies, jobs, scrapeIntervalMs, runbookUrl } = options
  const times = timing(scrapeIntervalMs, dependencies)
  const hasSlo = dependencies === undefined || dependencies.some(({ slo }) => slo !== undefined)
  const quality = qualityAlerts({ timing: times, lagFamilies: lagFamilies(options), hasSlo })
  const toRule = (alert: Alert) => alertRule(alert, runbookUrl)
  const { fast, slow } = burnRecordings(times)
  const groups = [
    // A group is evaluated in order, so these alerts read what has just been recorded.
    { name: 'pulsecheck-status', rules: [...statusRecordings(times), ...statusAlerts(times).map(toRule)] },
    { name: 'pulsecheck-quality', interval: '1m', rules: qualityRecordings(times) },
    ...(hasSlo
      ? [
          { name: 'pulsecheck-burn', interval: formatDuration(burnIntervalMs), rules: fast },
          { name: 'pulsecheck-burn-slow', interval: '2m', rules: slow },
        ]
      : []),
    { name: 'pulsecheck-dependencies', rules: quality.map(toRule) },
    { name: 'pulsecheck-self', rules: selfAlerts(jobs, times).map(toRule) },
  ]
  return `${head}${stringify({ groups }, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

const head = `# Rules for Prometheus, written by "pulsecheck rules": do not edit, write them anew.
# With --config.file, they fit the intervals, kinds and objectives of your configuration.
`

function lagFamilies({ kinds, dependencies }: RulesOptions): readonly string[] {
  const lag = 'replication_lag_seconds'
  const isThere = (kind: string) =>
    dependencies === undefined || dependencies.some(each => each.kind === kind)
  return kinds
    .filter(({ name, measurements = {} }) => lag in measurements && isThere(name))
    .map(({ name }) => `dependency_${name}_${lag}`)
}

function alertRule(alert: Alert, runbookUrl: string): object {
  const { name, expr, severity, labels, summary, description } = alert
  return {
    alert: name,
    expr,
    for: alert.for,
    labels: { severity, ...labels },
    annotations: { summary, description, runbook_url: `${runbookUrl}/${name}.md` },
  }
}

interface RecordingRule {
  readonly record: string
  readonly expr: string
}

/** What every instance sees, put together. */
function statusRecordings({ lookback }: Timing): readonly RecordingRule[] {
  const last = (metric: string) => lastKnown(metric, lookback)
  const by = (operation: string, metric: string) =>
    `${operation} by (${identity}) (\n${indent(last(metric))}\n)`
  return [
    { record: recorded.upAnywhere, expr: by('max', 'dependency_up') },
    { record: recorded.upEverywhere, expr: by('min', 'dependency_up') },
    { record: recorded.critical, expr: by('max', 'dependency_critical') },
    { record: recorded.slo, expr: by('max', 'dependency_slo_ratio') },
    {
      record: recorded.info,
      expr: `topk by (${identity}) (1, group by (${infoIdentity}) (\n${indent(last('dependency_info'))}\n))`,
    },
    {
      // Remembers itself, so that it outlives a restart of Pulsecheck and an outage of any length.
      record: recorded.seenUp,
      expr: [
        `${recorded.upAnywhere} == 1`,
        'or',
        `last_over_time(${recorded.seenUp}[1h]) and ${recorded.critical}`,
      ].join('\n'),
    },
  ]
}

/**
 * How long checks take, as most instances see it: one with a slow network does not make the dependency slow. And the share
 * of time that it was up, as the instance sees it that sees it most. Unknown time is not up.
 */
function qualityRecordings({ sample }: Timing): readonly RecordingRule[] {
  const ofEach = quantileOf(0.99, 'dependency_check_duration_seconds', `${identity}, instance`, sample)
  return [
    { record: recorded.slowness, expr: `quantile by (${identity}) (0.5,\n${indent(ofEach)}\n)` },
    { record: recorded.availability, expr: `max by (${identity}) (\n${shareOf('up', sample)}\n)` },
  ]
}

const hourMs = 3_600_000
/** Windows of burn-rate alerts, in milliseconds. Those of a day and more need no fresh value every half a minute. */
const fastWindowsMs = [hourMs / 2, hourMs, 2 * hourMs, 6 * hourMs]
const slowWindowsMs = [24 * hourMs, 72 * hourMs]

/** How often the share of down time is recorded: each sample stands for that long. */
const burnIntervalMs = 30_000

/** The share of time that dependencies with an objective were known to be down, over every window. */
function burnRecordings({ burnMs }: Timing): Readonly<Record<'fast' | 'slow', RecordingRule[]>> {
  const shortest = downRatio(formatDuration(burnMs))
  const share = `min by (${identity}) (\n${shareOf('down', formatDuration(burnMs))}\n)`
  const over = (ms: number) => {
    const window = formatDuration(ms)
    // Not the average: a dependency that was added a minute ago would seem down for most of the window.
    const expr = `sum_over_time(${shortest}[${window}]) * ${burnIntervalMs / 1_000} / ${ms / 1_000}`
    return { record: downRatio(window), expr }
  }
  return {
    fast: [
      { record: shortest, expr: `${share}\nand ${recorded.slo}` },
      ...fastWindowsMs.filter(ms => ms > burnMs).map(over),
    ],
    slow: slowWindowsMs.filter(ms => ms > burnMs).map(over),
  }
}

function shareOf(status: 'up' | 'down', window: string): string {
  return indent(
    [
      `rate(dependency_status_seconds_total{status="${status}"}[${window}])`,
      '/ ignoring (status)',
      `(sum without (status) (rate(dependency_status_seconds_total[${window}])) > 0)`,
    ].join('\n'),
  )
}
