/** The rule file for Prometheus. */
import { stringify } from 'yaml'
import type { Dependency } from '../model/dependency.ts'
import { formatDuration } from '../model/notation.ts'
import { type Alert, qualityAlerts, statusAlerts } from './alerts.ts'
import { burnIntervalMs, burnRecordings, qualityRecordings, statusRecordings } from './recording.ts'
import { selfAlerts } from './self.ts'
import { timing } from './timing.ts'

/** What of a kind the rules are about. */
export interface KindMeasurements {
  readonly name: string
  readonly measurements?: Readonly<Record<string, string>>
}

export interface RulesOptions {
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
