/** The alerts on dependencies: one for a dependency, whatever the number of instances that check it. */
import { formatDuration } from '../model/notation.ts'
import { downRatio, identity, lastKnown, recorded, type Timing, withInfo } from './promql.ts'

export interface Alert {
  readonly name: string
  readonly expr: string
  readonly for: string
  /** `critical` wakes somebody; `warning` waits for office hours. */
  readonly severity: 'critical' | 'warning'
  readonly labels?: Readonly<Record<string, string>>
  readonly summary: string
  readonly description: string
}

/** What the rules are about. */
interface AlertSubject {
  readonly timing: Timing
  /** Families of replication lag, in seconds, of the kinds that are there. */
  readonly lagFamilies: readonly string[]
  /** Whether any dependency has an objective. */
  readonly hasSlo: boolean
}

/** Alerts on the status of dependencies, which read nothing but recorded statuses. */
export function statusAlerts(timing: Timing): readonly Alert[] {
  return availabilityAlerts(timing).map(withSubject)
}

/** All other alerts on dependencies. */
export function qualityAlerts({ timing, lagFamilies, hasSlo }: AlertSubject): readonly Alert[] {
  return [
    ...speedAlerts(timing),
    ...certificateAlerts(timing),
    ...lagFamilies.map(family => replicationLag(family, timing)),
    ...(hasSlo ? burnAlerts(timing) : []),
  ].map(withSubject)
}

function withSubject(alert: Alert): Alert {
  return { ...alert, expr: withInfo(alert.expr), description: `${alert.description}${contact}` }
}

const it = '{{ $labels.dependency }} ({{ $labels.kind }} {{ $labels.target }})'
/** As one service sees it: the job of its instances. */
const seen = `${it} of {{ $labels.job }}`
const contact =
  '{{ with $labels.team }} Team: {{ . }}.{{ end }}{{ with $labels.owner }} Owner: {{ . }}.{{ end }}'

/** The current reasons, asked when the text is written: as a label they would make a new alert of each change. */
const reasons = list('count by (reason) (dependency_failure{%s})', 'reason')
const cutOff = list('dependency_up{%s} == 0', 'instance')

/** The values of a label among the series of a query, as text. @param query with `%s` for what selects the dependency. */
function list(query: string, label: string): string {
  const keys = ['cluster', 'namespace', 'job', 'dependency']
  const selected = query.replace('%s', keys.map(key => `${key}=%q`).join(', '))
  const values = keys.map(key => `$labels.${key}`).join(' ')
  const found = `{{ range $i, $series := . | sortByLabel "${label}" }}{{ if $i }}, {{ end }}{{ $series.Labels.${label} }}{{ end }}`
  return `{{ with printf ${JSON.stringify(selected)} ${values} | query }}${found}{{ else }}unknown{{ end }}`
}

function availabilityAlerts({ confirm, settle, patience, stall }: Timing): readonly Alert[] {
  const down = `${recorded.upAnywhere} == 0`
  return [
    {
      name: 'DependencyDown',
      expr: `${down}\nand ${recorded.critical} == 1\nand ${recorded.seenUp}`,
      for: confirm,
      severity: 'critical',
      summary: 'A critical dependency is down.',
      description: `${seen} is down, as every instance sees it. Reason: ${reasons}.`,
    },
    {
      name: 'DependencyUnreachableFromSome',
      expr: `${recorded.upAnywhere} == 1\nand ${recorded.upEverywhere} == 0`,
      for: settle,
      severity: 'warning',
      summary: 'A dependency is down for some instances only.',
      description: `${seen} is up for some instances and down for others: ${cutOff}. Reason: ${reasons}.`,
    },
    {
      name: 'DependencyDegraded',
      expr: `${down}\nand ${recorded.critical} == 0\nand ${recorded.seenUp}`,
      for: patience,
      severity: 'warning',
      summary: 'A dependency that is not critical is down.',
      description: `${seen} is down, as every instance sees it, and not critical. Reason: ${reasons}.`,
    },
    {
      name: 'DependencyNeverUp',
      expr: `${down}\nunless ${recorded.seenUp}`,
      for: patience,
      severity: 'warning',
      summary: 'A dependency has not been up since it was added.',
      description: `${seen} has never been up. Is it configured correctly? Reason: ${reasons}.`,
    },
    {
      name: 'DependencyCheckStale',
      expr: `${recorded.critical}\nunless ${recorded.upAnywhere}`,
      for: stall,
      severity: 'warning',
      summary: 'Nothing recent is known of a dependency.',
      description: `No instance has a recent result of ${seen}, so its status is unknown.`,
    },
  ]
}

function speedAlerts({ settle, sample, flapping }: Timing): readonly Alert[] {
  const own = (metric: string) => `max by (${identity}) (${metric})`
  const past = `quantile_over_time(0.5, ${recorded.slowness}[1d] offset 1h)`
  return [
    {
      name: 'DependencyFlapping',
      // The median of the instances, and no more than two outages that begin and end within the window.
      expr: `quantile by (${identity}) (0.5, increase(dependency_transitions_total[${flapping}])) > 5`,
      for: settle,
      severity: 'warning',
      summary: 'A dependency keeps going up and down.',
      description: `The status of ${seen} changed {{ $value | humanize }} times within ${flapping}.`,
    },
    {
      name: 'DependencySlow',
      expr: [
        '(',
        `  ${recorded.slowness} > 0.8 * ${own('dependency_timeout_seconds')}`,
        `  or ${recorded.slowness} > ${own('dependency_latency_slo_seconds')}`,
        '  or (',
        `    ${recorded.slowness} > 4 * ${past}`,
        `    and ${recorded.slowness} > 0.1 * ${own('dependency_timeout_seconds')}`,
        '  )',
        ')',
        `and ${recorded.upAnywhere} == 1`,
      ].join('\n'),
      for: sample,
      severity: 'warning',
      summary: 'A dependency is slow.',
      description: `The slowest hundredth of the checks of ${seen} takes {{ $value | humanizeDuration }} or more: close to the timeout, above the objective, or four times as long as it used to.`,
    },
  ]
}

const dayS = 86_400

function certificateAlerts({ lookback, settle }: Timing): readonly Alert[] {
  const left = `min by (${identity}) (${lastKnown('dependency_tls_not_after_timestamp_seconds', lookback)}) - time()`
  const expiring = (expr: string, severity: Alert['severity'], days: number): Alert => ({
    name: 'DependencyCertificateExpiring',
    expr,
    for: settle,
    severity,
    labels: { within: `${days}d` },
    summary: `A certificate of a dependency expires within ${days} days.`,
    description: `The first certificate that ${seen} presents expires in {{ $value | humanizeDuration }}.`,
  })
  return [
    expiring(`${left} < ${14 * dayS}\nand ${left} >= ${3 * dayS}`, 'warning', 14),
    expiring(`${left} < ${3 * dayS}\nand ${left} > 0`, 'critical', 3),
    {
      ...expiring(`${left} <= 0`, 'critical', 0),
      summary: 'A certificate of a dependency has expired.',
      description: `A certificate that ${seen} presents has expired.`,
    },
  ]
}

function replicationLag(family: string, { lookback, settle }: Timing): Alert {
  return {
    name: 'DependencyReplicationLag',
    expr: `min by (${identity}) (${lastKnown(family, lookback)}) > 30`,
    for: settle,
    severity: 'warning',
    summary: 'A replica lags behind.',
    description: `${seen} is {{ $value | humanizeDuration }} behind its primary.`,
  }
}

const minuteMs = 60_000
/**
 * Long and short windows in minutes, and how many times faster than even the budget burns: "Alerting on SLOs" in Google's
 * Site Reliability Workbook, chapter 5, for a period of 30 days.
 */
const burns = [
  { factor: 14.4, long: 60, short: 5, severity: 'critical', wait: 2 },
  { factor: 6, long: 360, short: 30, severity: 'critical', wait: 15 },
  { factor: 3, long: 1_440, short: 120, severity: 'warning', wait: 60 },
  { factor: 1, long: 4_320, short: 360, severity: 'warning', wait: 180 },
] as const

function burnAlerts({ burnMs }: Timing): readonly Alert[] {
  return burns
    .filter(({ long }) => long * minuteMs > burnMs)
    .map(({ factor, long, short, severity, wait }) => {
      const [longWindow, shortWindow] = [long * minuteMs, Math.max(short * minuteMs, burnMs)].map(
        formatDuration,
      ) as [string, string]
      const above = (window: string) => `${downRatio(window)} > ${factor} * (1 - ${recorded.slo})`
      return {
        name: 'DependencyErrorBudgetBurn',
        expr: `${above(longWindow)}\nand ${above(shortWindow)}\nand ${recorded.seenUp}`,
        for: formatDuration(wait * minuteMs),
        severity,
        labels: { long: longWindow, short: shortWindow },
        summary: 'A dependency burns its error budget too fast.',
        description: `${seen} was down for {{ $value | humanizePercentage }} of the last ${longWindow}, ${factor} times what its objective allows or more.`,
      }
    })
}
