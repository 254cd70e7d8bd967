/** The overview: what is down, since when, and what has been. */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { choosing, frame } from './frame.ts'
import { bars, lines, numbers, rows, type Steps, timeline } from './panels.ts'
import { chosen, durationQuantile, rateBy, recorded, self } from './queries.ts'

const toDependency =
  '/d/pulsecheck-dependency?$' +
  '{datasource:queryparam}&$' +
  '{job:queryparam}&var-dependency=$' +
  '{__value.raw}'
const value = '$' + '{__value.raw}'

const ofEach = 'job, instance, dependency, kind'
const each = 'job, dependency, kind'
const availability = (window: string) =>
  `max by (${each}) (avg_over_time(dependency:dependency_status_seconds:up_ratio{${recorded}}[${window}]))`
const objective = `max by (${each}) (dependency:dependency_slo_ratio:max{${recorded}})`
const nines: Steps = [
  [null, 'red'],
  [0.99, 'orange'],
  [0.999, 'green'],
]

export function overview(): dashboard.DashboardBuilder {
  const builder = frame(
    'pulsecheck-overview',
    'Pulsecheck / Overview',
    'What services depend on: what is down, why and since when, and how it has been.',
  )
  return withTrouble(withSpeed(withPast(withNow(choosing(builder, 'several')))))
}

function withNow(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Now'))
    .withPanel(
      numbers(
        {
          title: 'Ready',
          description: 'Whether each instance is ready: all its critical dependencies are up.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        { [`pulsecheck_ready{${self}}`]: '{{instance}}' },
        { names: { 1: ['ready', 'green'], 0: ['not ready', 'red'] } },
      ),
    )
    .withPanel(
      numbers(
        {
          title: 'Dependencies',
          description: 'How many are up, down and unknown. One is up if any instance sees it up.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        {
          [`count(dependency:dependency_up:max{${recorded}} == 1) or vector(0)`]: 'up',
          [`count(dependency:dependency_up:max{${recorded}} == 0) or vector(0)`]: 'down',
          [`count(dependency:dependency_critical:max{${recorded}} unless dependency:dependency_up:max{${recorded}}) or vector(0)`]:
            'unknown',
        },
      ),
    )
    .withPanel(
      numbers(
        {
          title: 'Alerts',
          description: 'Alerts that fire on what is chosen, by severity.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        {
          'count by (severity) (ALERTS{job=~"$job", alertname=~"Dependency.+|Pulsecheck.+", alertstate="firing"})':
            '{{severity}}',
        },
        { steps: [[null, 'red']] },
      ),
    )
    .withPanel(
      rows(
        {
          title: 'Down now',
          description: 'What is down, as each instance sees it: why, for how long, whose it is.',
          unit: 's',
          width: 24,
        },
        [
          `(time() - dependency_status_since_timestamp_seconds{${chosen}}) * on (${ofEach}) group_left (reason) dependency_failure{${chosen}} * on (${ofEach}) group_left (target, team, owner, runbook) dependency_info{${chosen}}`,
        ],
        [
          { field: 'dependency', title: 'Dependency', url: toDependency },
          { field: 'kind', title: 'Kind' },
          { field: 'target', title: 'Target' },
          { field: 'reason', title: 'Reason' },
          { field: 'Value', title: 'For', unit: 's' },
          { field: 'team', title: 'Team' },
          { field: 'owner', title: 'Owner' },
          { field: 'runbook', title: 'Runbook', url: value },
          { field: 'instance', title: 'Page', url: `http://${value}/` },
        ],
      ),
    )
    .withPanel(
      timeline(
        {
          title: 'Status',
          description: 'Up if any instance sees it up, down if all see it down. A gap is unknown.',
          unit: 'short',
          width: 24,
          height: 10,
        },
        { [`dependency:dependency_up:max{${recorded}}`]: '{{dependency}}' },
      ),
    )
}

function withPast(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Availability'))
    .withPanel(
      rows(
        {
          title: 'Availability',
          description:
            'Share of the time that it was up; unknown time is not up. The budget that is left is what the objective still allows within 30 days.',
          unit: 'percentunit',
          width: 12,
        },
        [
          availability('1d'),
          availability('7d'),
          availability('30d'),
          objective,
          `1 - (1 - ${availability('30d')}) / (1 - ${objective})`,
        ],
        [
          { field: 'dependency', title: 'Dependency', url: toDependency },
          { field: 'Value #A', title: '1 day', unit: 'percentunit', steps: nines },
          { field: 'Value #B', title: '7 days', unit: 'percentunit', steps: nines },
          { field: 'Value #C', title: '30 days', unit: 'percentunit', steps: nines },
          { field: 'Value #D', title: 'Objective', unit: 'percentunit' },
          {
            field: 'Value #E',
            title: 'Budget left',
            unit: 'percentunit',
            steps: [
              [null, 'red'],
              [0.25, 'orange'],
              [0.5, 'green'],
            ],
          },
        ],
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Burn rate',
          description:
            'How fast the error budget burns over an hour: at 1 it lasts just as long as its period.',
          unit: 'short',
          width: 12,
        },
        {
          [`max by (${each}) (dependency:dependency_status_seconds:down_ratio_rate1h{${recorded}}) / (1 - ${objective})`]:
            '{{dependency}}',
        },
        { softMax: 1 },
      ),
    )
}

function withSpeed(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  const timeout = `max by (${each}) (dependency_timeout_seconds{${chosen}})`
  return builder
    .withRow(new dashboard.RowBuilder('Speed'))
    .withPanel(
      lines(
        {
          title: 'Check duration, 99th percentile',
          description: 'By dependency, over all chosen instances.',
          unit: 's',
          width: 12,
        },
        { [durationQuantile(0.99, each)]: '{{dependency}}' },
        { exemplars: true },
      ),
    )
    .withPanel(
      rows(
        {
          title: 'Check duration against the timeout',
          description: 'Percentiles by dependency, and how much of the timeout the slowest hundredth takes.',
          unit: 's',
          width: 12,
        },
        [
          durationQuantile(0.5, each),
          durationQuantile(0.95, each),
          durationQuantile(0.99, each),
          timeout,
          `(${durationQuantile(0.99, each)}) / ${timeout}`,
        ],
        [
          { field: 'dependency', title: 'Dependency', url: toDependency },
          { field: 'Value #A', title: 'p50', unit: 's' },
          { field: 'Value #B', title: 'p95', unit: 's' },
          { field: 'Value #C', title: 'p99', unit: 's' },
          { field: 'Value #D', title: 'Timeout', unit: 's' },
          {
            field: 'Value #E',
            title: 'p99 of timeout',
            unit: 'percentunit',
            steps: [
              [null, 'green'],
              [0.5, 'orange'],
              [0.8, 'red'],
            ],
          },
        ],
      ),
    )
}

function withTrouble(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Trouble'))
    .withPanel(
      lines(
        { title: 'Failures by reason', description: 'Failed checks per second.', unit: 'ops', width: 12 },
        { [rateBy('reason', 'dependency_check_failures_total', chosen)]: '{{reason}}' },
        { stacked: true },
      ),
    )
    .withPanel(
      bars(
        {
          title: 'Flapping',
          description: 'The ten dependencies whose status changed most within the time range.',
          unit: 'short',
          width: 12,
        },
        {
          [`topk(10, max by (${each}) (increase(dependency_transitions_total{${chosen}}[$__range])) > 0)`]:
            '{{dependency}}',
        },
        [
          [null, 'green'],
          [3, 'orange'],
          [6, 'red'],
        ],
      ),
    )
    .withPanel(
      bars(
        {
          title: 'Certificates',
          description: 'Days until the first certificate of each dependency expires.',
          unit: 'd',
          width: 8,
        },
        {
          [`sort((min by (${each}) (dependency_tls_not_after_timestamp_seconds{${chosen}}) - time()) / 86400)`]:
            '{{dependency}}',
        },
        [
          [null, 'red'],
          [3, 'orange'],
          [14, 'green'],
        ],
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Age of results',
          description: 'Seconds since the last check, as the instance sees it whose result is the oldest.',
          unit: 's',
          width: 8,
        },
        {
          [`max by (${each}) (time() - dependency_last_check_timestamp_seconds{${chosen}})`]:
            '{{dependency}}',
        },
      ),
    )
    .withPanel(
      rows(
        {
          title: 'Instances that disagree',
          description: 'Dependencies that are up for some instances and down for others. Usually empty.',
          unit: 'short',
          width: 8,
        },
        [
          `dependency_up{${chosen}} and on (${each}) (max by (${each}) (dependency_up{${chosen}}) != min by (${each}) (dependency_up{${chosen}}))`,
        ],
        [
          { field: 'dependency', title: 'Dependency', url: toDependency },
          { field: 'instance', title: 'Page', url: `http://${value}/` },
          { field: 'Value', title: 'Up' },
        ],
      ),
    )
}
