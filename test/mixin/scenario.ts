/** Scenarios for `promtool test rules`: what Prometheus has scraped, and which alerts fire when. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'

/** Series by name and labels, with values in promtool's notation: `1x40 0x20`. */
export type SeriesText = Readonly<Record<string, string>>

export interface Scenario {
  readonly series: SeriesText
  /** Time between two samples. Default 15s. */
  readonly step?: string
  /** The alerts that fire at a time, each as often as there are: `DependencyDown critical`. */
  readonly firing?: Readonly<Record<string, readonly string[]>>
  /** The annotations of an alert that fires at a time, without its runbook. */
  readonly text?: {
    readonly at: string
    readonly alert: string
    readonly labels: object
    readonly says: object
  }
  /** The value of an expression without labels at a time. */
  readonly values?: readonly (readonly [at: string, expr: string, value: number])[]
}

/** What a promtool says of a scenario; empty if all is as expected. */
export function play(rules: string, scenario: Scenario, promtool = 'promtool'): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-rules-'))
  try {
    writeFileSync(join(folder, 'rules.yml'), rules)
    writeFileSync(join(folder, 'test.yml'), stringify(testFile(scenario), { aliasDuplicateObjects: false }))
    const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', 'test.yml'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return status === 0 ? '' : `${stdout}${stderr}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function testFile({ series, step = '15s', firing = {}, text, values = [] }: Scenario): object {
  const alerts = Object.entries(firing).map(([at, expected]) => ({
    expr: 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
    eval_time: at,
    exp_samples: [...Map.groupBy(expected, alert => alert)].map(([alert, same]) => {
      const [name, severity] = alert.split(' ')
      return { labels: `{alertname="${name}", severity="${severity}"}`, value: same.length }
    }),
  }))
  const numbers = values.map(([at, expr, value]) => ({
    expr,
    eval_time: at,
    exp_samples: [{ labels: '{}', value }],
  }))
  const told =
    text === undefined
      ? []
      : [
          {
            eval_time: text.at,
            alertname: text.alert,
            exp_alerts: [
              {
                exp_labels: text.labels,
                exp_annotations: { ...text.says, runbook_url: `docs/runbooks/${text.alert}.md` },
              },
            ],
          },
        ]
  return {
    rule_files: ['rules.yml'],
    // That of the rules whose sums depend on it.
    evaluation_interval: '30s',
    tests: [
      {
        interval: step,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [...alerts, ...numbers],
        alert_rule_test: told,
      },
    ],
  }
}

export interface InstanceOptions {
  readonly instance?: string
  readonly dependency?: string
  readonly critical?: 0 | 1
  /** `dependency_up`, in promtool's notation. */
  readonly up?: string
  /** How many samples the healthy series have. */
  readonly samples?: number
  /** Other series of the dependency, or other values of one: by metric, with further labels in braces. */
  readonly more?: SeriesText
  /** Series of the instance itself. */
  readonly self?: SeriesText
}

/** All that one instance shows of one dependency, healthy where nothing else is said; a sample every 15 seconds. */
export function instance(options: InstanceOptions = {}): SeriesText {
  const { instance = 'a:9797', dependency = 'orders-db', critical = 1, samples = 400 } = options
  const { up = `1x${samples}`, more = {}, self = {} } = options
  const where = `job="pulsecheck", instance="${instance}"`
  const own = `${where}, dependency="${dependency}", kind="postgres"`
  const steady = (value: number) => `${value}x${samples}`
  const growing = (by: number) => `0+${by}x${samples}`
  const ofDependency: SeriesText = {
    dependency_up: up,
    dependency_critical: steady(critical),
    'dependency_info{team="orders", owner="ada", target="db:5432/orders"}': steady(1),
    dependency_interval_seconds: steady(15),
    dependency_timeout_seconds: steady(3),
    dependency_checks_total: growing(1),
    'dependency_checks_skipped_total{cause="lag"}': steady(0),
    dependency_transitions_total: steady(0),
    'dependency_status_seconds_total{status="up"}': growing(15),
    'dependency_status_seconds_total{status="down"}': steady(0),
    'dependency_status_seconds_total{status="unknown"}': steady(0),
    'dependency_check_duration_seconds_bucket{le="0.1"}': growing(1),
    'dependency_check_duration_seconds_bucket{le="2.5"}': growing(1),
    'dependency_check_duration_seconds_bucket{le="+Inf"}': growing(1),
    ...more,
  }
  const ofInstance: SeriesText = {
    up: steady(1),
    pulsecheck_config_last_reload_successful: steady(1),
    'pulsecheck_scheduler_lag_seconds_bucket{le="0.1"}': growing(1),
    'pulsecheck_scheduler_lag_seconds_bucket{le="2.5"}': growing(1),
    'pulsecheck_scheduler_lag_seconds_bucket{le="+Inf"}': growing(1),
    ...self,
  }
  return { ...labelled(ofDependency, own), ...labelled(ofInstance, where) }
}

function labelled(series: SeriesText, labels: string): SeriesText {
  const entries = Object.entries(series).map(([name, values]) => {
    const [metric, rest] = name.split('{')
    return [`${metric}{${labels}${rest === undefined ? '' : `, ${rest.slice(0, -1)}`}}`, values]
  })
  return Object.fromEntries(entries)
}
