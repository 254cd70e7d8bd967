/** Every alert and every recording rule, by Prometheus' own tool: it fires when it must, and is silent when it must. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { tcp } from '../../src/kinds/tcp.ts'
import { parseDependency } from '../../src/model/definition.ts'
import { formatDuration } from '../../src/model/notation.ts'
import { headings, prose, quoted, read, root, rowsUnder } from '../docs/documents.ts'
import { panelsOf, readDashboards } from '../grafana/dashboards.ts'
import { launch } from '../support/program.ts'
import { promisedMs } from '../support/promise.ts'
import { printed } from './printed.ts'
import { instance, play, type Scenario } from './scenario.ts'

const rules = read('prometheus/rules/pulsecheck.yml')

/** A failure since some sample, with its reason. */
const failing = (ups: number, downs = 400) => ({
  'dependency_failure{reason="timeout"}': `_x${ups} 1x${downs}`,
})
const names = { dependency: 'orders-db', kind: 'postgres', job: 'pulsecheck' }
const info = { team: 'orders', owner: 'ada', target: 'db:5432/orders' }

const downEverywhere: Scenario['firing'] = { '30m': ['DependencyDown critical'] }

const fires: Readonly<Record<string, Scenario>> = {
  'DependencyDown: a minute after every instance sees it down, once for three instances': {
    series: {
      ...instance({ up: '1x20 0x400', more: failing(20) }),
      ...instance({ instance: 'b:9797', up: '1x21 0x400', more: failing(20) }),
      ...instance({ instance: 'c:9797', up: '1x20 0x400', more: failing(20) }),
    },
    firing: { '5m': [], '6m': [], '8m': ['DependencyDown critical'] },
    text: {
      at: '10m',
      alert: 'DependencyDown',
      labels: { ...names, ...info, severity: 'critical' },
      says: {
        summary: 'A critical dependency is down.',
        description:
          'orders-db (postgres db:5432/orders) of pulsecheck is down, as every instance sees it. Reason: timeout. Team: orders. Owner: ada.',
      },
    },
  },
  'DependencyDown: also if a scrape in four is lost': {
    series: instance({
      up: `1x20 ${'0 0 0 stale '.repeat(60)}`,
      more: failing(20),
      self: { up: `1x20 ${'1 1 1 0 '.repeat(60)}` },
    }),
    firing: { '10m': ['DependencyDown critical'], '15m': ['DependencyDown critical'] },
  },
  'DependencyDown: also after a restart during the outage': {
    series: instance({ up: '1x20 0x20 stale _x12 0x300' }),
    firing: downEverywhere,
  },
  'DependencyDown: without labels of its own, too': {
    series: {
      ...instance({ up: '1x20 0x400' }),
      'dependency_up{job="pulsecheck", instance="a:9797", dependency="bare", kind="tcp"}': '1x20 0x400',
      'dependency_critical{job="pulsecheck", instance="a:9797", dependency="bare", kind="tcp"}': '1x400',
      'dependency_info{job="pulsecheck", instance="a:9797", dependency="bare", kind="tcp", target="x:1"}':
        '1x400',
    },
    values: [['30m', 'count(ALERTS{alertname="DependencyDown", alertstate="firing"})', 2]],
  },
  'DependencyUnreachableFromSome: one instance of two cannot reach it': {
    series: { ...instance(), ...instance({ instance: 'b:9797', up: '1x20 0x400', more: failing(20) }) },
    firing: { '9m': [], '12m': ['DependencyUnreachableFromSome warning'] },
    text: {
      at: '12m',
      alert: 'DependencyUnreachableFromSome',
      labels: { ...names, ...info, severity: 'warning' },
      says: {
        summary: 'A dependency is down for some instances only.',
        description:
          'orders-db (postgres db:5432/orders) of pulsecheck is up for some instances and down for others: b:9797. Reason: timeout. Team: orders. Owner: ada.',
      },
    },
  },
  'DependencyDegraded: what is not critical is down for ten minutes': {
    series: instance({ critical: 0, up: '1x20 0x400' }),
    firing: { '14m': [], '18m': ['DependencyDegraded warning'] },
  },
  'DependencyNeverUp: and nobody is woken': {
    series: instance({ up: '0x400' }),
    firing: { '9m': [], '11m': ['DependencyNeverUp warning'], '60m': ['DependencyNeverUp warning'] },
  },
  'DependencyCheckStale: no instance knows': {
    series: instance({ up: '1x20 stale _x300' }),
    firing: { '20m': [], '25m': ['DependencyCheckStale warning'] },
  },
  'DependencyFlapping: three outages within the hour': {
    series: instance({
      more: { dependency_transitions_total: '0x40 1x5 2x40 3x5 4x40 5x5 6x100' },
      samples: 400,
    }),
    firing: { '30m': [], '45m': ['DependencyFlapping warning'] },
  },
  'DependencySlow: above 80 % of the timeout': {
    series: instance({
      more: {
        'dependency_check_duration_seconds_bucket{le="0.1"}': '0+1x40 40x300',
      },
    }),
    firing: { '11m': [], '35m': ['DependencySlow warning'] },
  },
  'DependencySlow: above its objective': {
    series: instance({ more: { dependency_latency_slo_seconds: '0.05x400' } }),
    firing: { '25m': ['DependencySlow warning'] },
  },
  'DependencySlow: four times as slow as it used to be': {
    series: instance({
      samples: 1_200,
      more: {
        dependency_timeout_seconds: '10x1200',
        'dependency_check_duration_seconds_bucket{le="0.1"}': '0+1x800 800x400',
        'dependency_check_duration_seconds_bucket{le="2.5"}': '0+1x1200',
      },
    }),
    firing: { '3h': [], '4h': ['DependencySlow warning'] },
  },
  'DependencyCertificateExpiring: 14 days': {
    series: instance({ more: { dependency_tls_not_after_timestamp_seconds: `${13 * 86_400}x400` } }),
    firing: { '10m': ['DependencyCertificateExpiring warning'] },
  },
  'DependencyCertificateExpiring: 3 days': {
    series: instance({ more: { dependency_tls_not_after_timestamp_seconds: `${2 * 86_400}x400` } }),
    firing: { '10m': ['DependencyCertificateExpiring critical'] },
  },
  'DependencyCertificateExpiring: expired': {
    series: instance({ more: { dependency_tls_not_after_timestamp_seconds: '600x400' } }),
    firing: {
      '9m': ['DependencyCertificateExpiring critical'],
      '20m': ['DependencyCertificateExpiring critical'],
    },
    text: {
      at: '20m',
      alert: 'DependencyCertificateExpiring',
      labels: { ...names, ...info, severity: 'critical', within: '0d' },
      says: {
        summary: 'A certificate of a dependency has expired.',
        description:
          'A certificate that orders-db (postgres db:5432/orders) of pulsecheck presents has expired. Team: orders. Owner: ada.',
      },
    },
  },
  'DependencyReplicationLag: half a minute behind for five minutes': {
    series: instance({ more: { dependency_postgres_replication_lag_seconds: '0x20 90x400' } }),
    firing: { '9m': [], '12m': ['DependencyReplicationLag warning'] },
  },
  'PulsecheckDown: one instance of two is away': {
    series: { ...instance(), ...instance({ instance: 'b:9797', self: { up: '1x20 0x400' } }) },
    firing: { '9m': [], '11m': ['PulsecheckDown warning'] },
  },
  'PulsecheckAbsent: every instance is away, or the target is gone': {
    series: instance({ self: { up: '1x20 stale' } }),
    firing: { '9m': [], '11m': ['PulsecheckAbsent critical'] },
  },
  'PulsecheckAbsent: every instance is away, and PulsecheckDown for each': {
    series: instance({ self: { up: '1x20 0x400' } }),
    firing: { '11m': ['PulsecheckAbsent critical', 'PulsecheckDown warning'] },
  },
  'PulsecheckAbsent: a stall of ten minutes, in which nothing is said of dependencies': {
    series: {
      ...instance({
        up: '1x20 stale _x39 1x300',
        more: Object.fromEntries(
          ['dependency_critical', 'dependency_timeout_seconds', 'dependency_interval_seconds'].map(metric => [
            metric,
            '1x20 stale _x39 1x300',
          ]),
        ),
        self: { up: '1x20 0x39 1x300', pulsecheck_config_last_reload_successful: '1x20 stale _x39 1x300' },
      }),
    },
    firing: {
      '9m': [],
      '14m': ['PulsecheckAbsent critical', 'PulsecheckDown warning'],
      '16m': [],
      '40m': [],
    },
  },
  'PulsecheckShardMissing: one of three is not there, though another has an observer': {
    series: {
      ...instance({ self: { 'pulsecheck_shards{shard="0"}': '3x400' } }),
      ...instance({ instance: 'b:9797', self: { 'pulsecheck_shards{shard="0"}': '3x400' } }),
      ...instance({
        instance: 'c:9797',
        dependency: 'cache',
        self: { 'pulsecheck_shards{shard="1"}': '3x400' },
      }),
      ...instance({
        instance: 'd:9797',
        dependency: 'shop',
        self: { up: '1x20 stale', 'pulsecheck_shards{shard="2"}': '3x20 stale' },
      }),
    },
    firing: { '9m': [], '11m': ['PulsecheckShardMissing critical'] },
  },
  'PulsecheckReloadFailed: the config': {
    series: instance({ self: { pulsecheck_config_last_reload_successful: '1x20 0x400' } }),
    firing: { '9m': [], '11m': ['PulsecheckReloadFailed warning'] },
  },
  'PulsecheckReloadFailed: the web config': {
    series: instance({ self: { pulsecheck_web_config_last_reload_successful: '1x20 0x400' } }),
    firing: { '11m': ['PulsecheckReloadFailed warning'] },
  },
  'PulsecheckLagging: checks start seconds late': {
    series: instance({ self: { 'pulsecheck_scheduler_lag_seconds_bucket{le="0.1"}': '0+1x20 20x400' } }),
    firing: { '9m': [], '20m': ['PulsecheckLagging warning'] },
  },
  'PulsecheckSkipping: some of the checks': {
    series: instance({ more: { 'dependency_checks_skipped_total{cause="lag"}': '0x20 0+0.2x400' } }),
    firing: { '15m': [], '25m': ['PulsecheckSkipping warning'] },
  },
}

/** The share of the time that it is down, in steps of 30 seconds. */
const burning = (ups: number, share: number, downs: number) =>
  instance({
    samples: ups + downs,
    more: {
      dependency_slo_ratio: `0.999x${ups + downs}`,
      dependency_checks_total: `0+2x${ups + downs}`,
      'dependency_status_seconds_total{status="up"}': `0+30x${ups} ${30 * ups}+${30 * (1 - share)}x${downs}`,
      'dependency_status_seconds_total{status="down"}': `0x${ups} 0+${30 * share}x${downs}`,
    },
  })

const burns: Readonly<Record<string, Scenario>> = {
  'at 14.4 times the budget, it pages within the hour': {
    step: '30s',
    series: burning(20, 0.04, 200),
    firing: { '15m': [], '1h': ['DependencyErrorBudgetBurn critical'] },
  },
  'at 6 times the budget, it pages within hours': {
    step: '30s',
    series: burning(20, 0.01, 700),
    firing: { '1h': [], '5h': ['DependencyErrorBudgetBurn critical'] },
  },
  'at 4 times the budget, it is a ticket within the day, and a second one that stays longer': {
    step: '30s',
    series: burning(20, 0.004, 2_800),
    firing: {
      '5h': [],
      '20h': ['DependencyErrorBudgetBurn warning'],
      '23h': ['DependencyErrorBudgetBurn warning', 'DependencyErrorBudgetBurn warning'],
    },
  },
  'a page ends soon after the outage': {
    step: '30s',
    series: instance({
      samples: 400,
      more: {
        dependency_slo_ratio: '0.999x400',
        'dependency_status_seconds_total{status="up"}': '0+30x40 1200x20 1200+30x340',
        'dependency_status_seconds_total{status="down"}': '0x40 0+30x20 600x340',
      },
    }),
    // The longer pair of windows keeps it for half an hour.
    firing: { '28m': ['DependencyErrorBudgetBurn critical'], '70m': [] },
  },
  'no objective, no alert': {
    step: '30s',
    series: instance({
      samples: 400,
      more: {
        'dependency_status_seconds_total{status="up"}': '0x400',
        'dependency_status_seconds_total{status="down"}': '0+30x400',
      },
    }),
    firing: { '2h': [] },
  },
}

const two = (other: Parameters<typeof instance>[0]) => ({
  ...instance(),
  ...instance({ instance: 'b:9797', ...other }),
})

const silent: Readonly<Record<string, Scenario['series']>> = {
  'all is well': two({}),
  'a restart: series are gone for half a minute, and counters begin again': instance({
    up: '1x40 stale _ 1x300',
    more: {
      dependency_checks_total: '0+1x40 stale _ 0+1x300',
      'dependency_status_seconds_total{status="up"}': '0+15x40 stale _ 0+15x300',
      'dependency_status_seconds_total{status="unknown"}': '0x40 stale _ 1x300',
      dependency_slo_ratio: '0.999x40 stale _ 0.999x300',
    },
    self: { up: '1x40 0 0 1x300' },
  }),
  'a reload that changes the timeout and the labels': instance({
    more: {
      dependency_timeout_seconds: '3x40 1x300',
      'dependency_info{team="orders", owner="ada", target="db:5432/orders"}': '1x40 stale',
      'dependency_info{team="billing", owner="bob", target="db:5432/orders"}': '_x40 1x300',
    },
  }),
  'one lost scrape': instance({
    up: '1x40 stale 1x300',
    more: { dependency_critical: '1x40 stale 1x300' },
    self: { up: '1x40 0 1x300' },
  }),
  'one replica of three sees it down for a minute': {
    ...two({}),
    ...instance({ instance: 'c:9797', up: '1x40 0x4 1x300', more: { dependency_slo_ratio: '0.999x400' } }),
  },
  'one replica of three burns the budget, flaps and is slow': {
    ...two({ more: { dependency_slo_ratio: '0.999x400' } }),
    ...instance({
      instance: 'c:9797',
      more: {
        dependency_slo_ratio: '0.999x400',
        dependency_transitions_total: '0+1x400',
        'dependency_status_seconds_total{status="up"}': '0+10x400',
        'dependency_status_seconds_total{status="down"}': '0+5x400',
        'dependency_check_duration_seconds_bucket{le="0.1"}': '0x400',
      },
    }),
  },
  'a dependency just added, unknown until its first check': {
    ...instance(),
    ...instance({ dependency: 'new', up: '_x40 _ 1x300', more: { dependency_critical: '_x40 1x300' } }),
  },
  'a dependency just added, down for its first five minutes': {
    ...instance(),
    ...instance({
      dependency: 'new',
      up: '_x40 0x20 1x300',
      more: {
        dependency_slo_ratio: '_x40 0.99x300',
        'dependency_status_seconds_total{status="up"}': '_x40 0x20 0+15x300',
        'dependency_status_seconds_total{status="down"}': '_x40 0+15x20 300x300',
      },
    }),
  },
  'ten minutes of our own stall, known to nobody but us': instance({
    up: '1x40 stale _x39 1x300',
    more: {
      dependency_slo_ratio: '0.999x400',
      'dependency_status_seconds_total{status="up"}': '0+15x40 600x40 600+15x300',
      'dependency_status_seconds_total{status="unknown"}': '0x79 600x300',
      'dependency_checks_skipped_total{cause="lag"}': '0x79 40x300',
      dependency_checks_total: '0+1x40 40x40 40+1x300',
    },
  }),
  'an instance that saw it down and was removed': {
    ...instance(),
    ...instance({ instance: 'b:9797', up: '1x20 0x16 stale', self: { up: '1x36 stale' } }),
  },
  'a removed dependency that was down': instance({
    up: '1x20 0x2 stale',
    more: {
      dependency_critical: '1x22 stale',
      'dependency_info{team="orders", owner="ada", target="db:5432/orders"}': '1x22 stale',
    },
  }),
}

/** One instance sees it down from the sixth minute on, the other does not; with an objective of 99 %. */
const divided = {
  ...instance({ more: { dependency_slo_ratio: '0.99x400' } }),
  ...instance({
    instance: 'b:9797',
    up: '1x20 0x400',
    more: {
      dependency_slo_ratio: '0.99x400',
      'dependency_status_seconds_total{status="up"}': '0+15x20 300x400',
      'dependency_status_seconds_total{status="down"}': '0x20 0+15x400',
    },
  }),
}
const down = instance({
  up: '1x20 0x400',
  more: {
    dependency_slo_ratio: '0.99x400',
    'dependency_status_seconds_total{status="up"}': '0+15x20 300x400',
    'dependency_status_seconds_total{status="down"}': '0x20 0+15x400',
  },
})
const downShare = (window: string) => `max(dependency:dependency_status_seconds:down_ratio_rate${window})`

/** Values of recording rules: those of the scenario above, and those of one in which it is down for all. */
const recordings: readonly (readonly [expr: string, divided: number, down: number])[] = [
  ['max(dependency:dependency_up:max)', 1, 0],
  ['min(dependency:dependency_up:min)', 0, 0],
  ['sum(dependency:dependency_critical:max)', 1, 1],
  ['sum(dependency:dependency_slo_ratio:max)', 0.99, 0.99],
  ['count(dependency:dependency_info:first{team="orders", owner="ada", target="db:5432/orders"})', 1, 1],
  ['sum(dependency:dependency_up:seen)', 1, 1],
  ['max(dependency:dependency_check_duration_seconds:p99) > bool 0.09', 1, 1],
  ['max(dependency:dependency_status_seconds:up_ratio)', 1, 0],
  [downShare('5m'), 0, 1],
  [`${downShare('30m')} > bool 0.9`, 0, 1],
  [`round(${downShare('1h')}, 0.1)`, 0, 0.9],
  [`round(${downShare('2h')}, 0.1)`, 0, 0.4],
  [`round(${downShare('6h')}, 0.1)`, 0, 0.1],
  [`round(${downShare('1d')}, 0.01)`, 0, 0.04],
  [`round(${downShare('3d')}, 0.001)`, 0, 0.012],
]

const every = Array.from({ length: 32 }, (_, i) => `${2 * (i + 1)}m`)

describe('an alert fires', () => {
  test.each(Object.entries(fires))('%s', (_, scenario) => {
    expect(play(rules, scenario)).toBe('')
  })
})

describe('a burnt error budget', () => {
  // Days of half minutes take long to evaluate, so only the rules that matter are.
  const burnRules = onlyBurnRules(rules)
  test.each(Object.entries(burns))('%s', { timeout: 180_000 }, (_, scenario) => {
    expect(play(burnRules, scenario)).toBe('')
  })
})

/** The alert on error budgets, and the recording rules that it reads. */
function onlyBurnRules(text: string): string {
  const { groups } = parse(text) as { groups: { name: string; rules: Rule[] }[] }
  const isRead = (group: string, { alert }: Rule) =>
    group !== 'pulsecheck-quality' && (alert === undefined || alert === 'DependencyErrorBudgetBurn')
  const kept = groups.map(group => ({
    ...group,
    rules: group.rules.filter(rule => isRead(group.name, rule)),
  }))
  return stringify({ groups: kept.filter(({ rules }) => rules.length > 0) })
}

describe('every alert is silent', () => {
  test.each(Object.entries(silent))('%s', (_, series) => {
    expect(play(rules, { series, firing: Object.fromEntries(every.map(at => [at, []])) })).toBe('')
  })
})

describe('a recording rule gives', () => {
  const valuesOf = (which: 1 | 2) => recordings.map(row => ['1h', row[0], row[which]] as const)
  test('what one instance of two sees differently', () => {
    expect(play(rules, { series: divided, values: valuesOf(1) })).toBe('')
  })
  test('what all of them see', () => {
    expect(play(rules, { series: down, values: valuesOf(2) })).toBe('')
  })
})

describe('the rules', () => {
  const all = rulesOf(rules)
  const alerts = all.filter(({ alert }) => alert !== undefined)

  test('are what the command writes for any configuration', async () => {
    expect(await printed('rules')).toBe(rules)
  })

  test('every alert and every recording rule has its test', () => {
    const named = [...Object.keys(fires), ...Object.keys(burns).map(() => 'DependencyErrorBudgetBurn')]
    expect(alerts.filter(({ alert = '' }) => !named.some(title => title.startsWith(alert)))).toEqual([])
    const expressions = recordings.map(([expr]) => expr).join()
    expect(all.flatMap(({ record }) => record ?? []).filter(name => !expressions.includes(name))).toEqual([])
  })

  test('every alert has a runbook, which says what it means, what to look at and what to do', () => {
    const pages = readdirSync(join(root, 'docs/runbooks')).filter(page => page !== 'README.md')
    expect(pages.toSorted()).toEqual([...new Set(alerts.map(({ alert }) => `${alert}.md`))].toSorted())
    for (const page of pages)
      expect(headings(`docs/runbooks/${page}`)).toEqual([
        page.slice(0, -'.md'.length),
        'What it means',
        'What to look at',
        'What to do',
      ])
    for (const { alert, annotations } of alerts)
      expect(annotations?.runbook_url).toBe(`docs/runbooks/${alert}.md`)
  })

  test('rules and dashboards read what is exposed or recorded, and nothing else', () => {
    const exposed = [...prose('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].flatMap(
      ([, name = '', type]) => (type === 'histogram' ? [name, `${name}_bucket`] : [name]),
    )
    const recordedNames = all.flatMap(({ record }) => record ?? [])
    const known = new Set([...exposed, ...recordedNames])
    const dashboards = [...readDashboards().values()].flatMap(panelsOf)
    const queries = [
      ...all.map(({ expr }) => expr),
      ...dashboards.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ]
    const names = queries.flatMap(query => query.match(/\b(?:dependency|pulsecheck)[:_]\w+[\w:]*/g) ?? [])
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter(name => !known.has(name))).toEqual([])
  })

  test('the documents say how soon an outage is told', async () => {
    const { dependency } = parseDependency('any', tcp, { url: 'tcp://any:1' })
    const promised = (prometheus: string, rules: string) => {
      const steps = promisedMs(dependency, {
        prometheus,
        rules,
        alertmanager: read('prometheus/alertmanager.yml'),
      })
      const all = Object.values(steps)
      return { steps: all.map(formatDuration), sum: formatDuration(all.reduce((sum, ms) => sum + ms)) }
    }
    const { steps, sum } = promised(read('prometheus.yml'), rules)
    expect(rowsUnder('docs/prometheus.md', 'How soon you are told').map(row => row[2])).toEqual(steps)
    const told = prose('docs/prometheus.md')
    expect(told).toContain(`at most ${sum} later with the default settings`)
    const often = promised(
      read('prometheus.yml').replaceAll('_interval: 15s', '_interval: 5s'),
      await printed('rules --scrape-interval 5s'),
    )
    expect(told).toContain(`\`for\` is ${often.steps[4]}, and you are told within ${often.sum}`)
  })

  test('the documents list every alert with its severities, and every recorded series', () => {
    const severities = Map.groupBy(alerts, ({ alert = '' }) => alert)
    const rows = rowsUnder('docs/prometheus.md', 'Alerts').map(([alert = '', severity]) => [
      quoted(alert)[0],
      severity?.split(', ').toSorted(),
    ])
    expect(rows).toEqual(
      [...severities].map(([alert, same]) => [
        alert,
        [...new Set(same.map(({ labels }) => labels?.severity))].toSorted(),
      ]),
    )
    const recordedNames = all.flatMap(({ record }) => record ?? [])
    const named = quoted(prose('docs/prometheus.md')).filter(word => word.startsWith('dependency:'))
    const families = (names: readonly string[]) =>
      [...new Set(names.map(name => name.replace(/rate\d+[mhd]$/, 'rate')))].toSorted()
    expect(families(named)).toEqual(families(recordedNames))
  })
})

describe('rules for a configuration', () => {
  const config = (dependencies: object) => ({ defaults: { timeout: '1s' }, dependencies })
  const alertsOf = (text: string) => new Set(rulesOf(text).flatMap(({ alert }) => alert ?? []))

  test('leave out what the configuration has no use for', async () => {
    const text = await printed('rules', config({ web: 'http://127.0.0.1:1/' }))
    const without = ['DependencyReplicationLag', 'DependencyErrorBudgetBurn']
    expect([...alertsOf(rules)].filter(alert => !alertsOf(text).has(alert))).toEqual(without)
    expect(text).not.toContain('down_ratio')
  })

  test('have windows that contain enough checks', async () => {
    const slow = { kind: 'http', url: 'http://127.0.0.1:1/', interval: '10m', slo: 0.99 }
    const text = await printed('rules', config({ slow }))
    expect(text).toContain('rate(dependency_check_duration_seconds_bucket[3h20m])')
    expect(text).toContain('increase(dependency_transitions_total[6h40m])')
    // Shorter than four checks, a window of burn rates would mostly be empty.
    const shorts = rulesOf(text).flatMap(({ labels }) => labels?.short ?? [])
    expect(shorts).toEqual(['40m', '40m', '2h', '6h'])
  })

  test('follow the scrape interval, the jobs and the place of the runbooks', async () => {
    const flags = [
      '--scrape-interval',
      '1m',
      '--job',
      'a',
      'b',
      '--runbook-url',
      'https://wiki.example/runbooks',
    ]
    const text = await printed(['rules', ...flags].join(' '))
    const down = rulesOf(text).find(({ alert }) => alert === 'DependencyDown')
    expect(down).toMatchObject({
      for: '4m',
      annotations: { runbook_url: 'https://wiki.example/runbooks/DependencyDown.md' },
    })
    expect(text).toContain('last_over_time(dependency_up[8m])')
    expect(text).toContain('absent(up{job="b"} == 1)')
    expect(play(text, { series: {}, firing: {} })).toBe('')
  })

  test('a config with problems prints them, and no rules', async () => {
    const running = launch({ flags: ['rules'], config: { dependencies: { a: { kind: 'nothing' } } } })
    expect(await running.ended).toBe(3)
    expect(running.output().stdout).toBe('')
    await running.remove()
  })
})

interface Rule {
  readonly expr: string
  readonly record?: string
  readonly alert?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

function rulesOf(text: string): readonly Rule[] {
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(group => group.rules)
}
