/** The alerts on Pulsecheck itself. */
import type { Alert } from './alerts.ts'
import { indent, instance, lastKnown, quantileOf, type Timing } from './promql.ts'

/** @param jobs under which Prometheus scrapes Pulsecheck. */
export function selfAlerts(jobs: readonly string[], timing: Timing): readonly Alert[] {
  return [...presenceAlerts(jobs, timing), ...workAlerts(timing)]
}

/** What makes instances the shards of one configuration. */
const shards = 'cluster, namespace, job'

const where = '{{ $labels.instance }} of {{ $labels.job }}'

function presenceAlerts(jobs: readonly string[], { settle }: Timing): readonly Alert[] {
  return [
    {
      name: 'PulsecheckDown',
      expr: jobs.map(job => `up{job=${JSON.stringify(job)}} == 0`).join('\nor\n'),
      for: settle,
      severity: 'warning',
      summary: 'An instance of Pulsecheck cannot be scraped.',
      description: `Prometheus cannot scrape ${where}.`,
    },
    ...jobs.map(
      (job): Alert => ({
        name: 'PulsecheckAbsent',
        expr: `absent(up{job=${JSON.stringify(job)}} == 1)`,
        for: settle,
        severity: 'critical',
        summary: 'No instance of Pulsecheck can be scraped.',
        description: `Prometheus cannot scrape any instance of ${job}, or has no such target any more. Nothing is known of its dependencies.`,
      }),
    ),
    {
      name: 'PulsecheckShardMissing',
      expr: `count by (${shards}) (group by (${shards}, shard) (pulsecheck_shards))\n< max by (${shards}) (pulsecheck_shards)`,
      for: settle,
      severity: 'critical',
      summary: 'A shard of Pulsecheck is missing.',
      description:
        'Only {{ $value }} of the shards of {{ $labels.job }} can be scraped. Nobody checks the dependencies of the others.',
    },
  ]
}

function workAlerts({ lookback, settle, patience, stall, lagSeconds }: Timing): readonly Alert[] {
  const rate = (metric: string) => `sum by (${instance}) (rate(${metric}[${patience}]))`
  return [
    {
      name: 'PulsecheckReloadFailed',
      expr: [
        `(${lastKnown('pulsecheck_config_last_reload_successful', lookback)}) == 0`,
        'or',
        `(${lastKnown('pulsecheck_web_config_last_reload_successful', lookback)}) == 0`,
      ].join('\n'),
      for: settle,
      severity: 'warning',
      summary: 'Pulsecheck runs on an older configuration.',
      description: `${where} refused the last reload and runs on the configuration from before.`,
    },
    {
      name: 'PulsecheckLagging',
      expr: `(\n${indent(quantileOf(0.99, 'pulsecheck_scheduler_lag_seconds', instance, settle))}\n) > ${lagSeconds}`,
      for: patience,
      severity: 'warning',
      summary: 'Pulsecheck starts checks late.',
      description: `The latest hundredth of the checks of ${where} starts {{ $value | humanizeDuration }} late or more.`,
    },
    {
      name: 'PulsecheckSkipping',
      expr: [
        rate('dependency_checks_skipped_total'),
        `/ (${rate('dependency_checks_total')} + ${rate('dependency_checks_skipped_total')})`,
        '> 0.01',
      ].join('\n'),
      for: stall,
      severity: 'warning',
      summary: 'Pulsecheck skips checks.',
      description: `${where} skips {{ $value | humanizePercentage }} of its checks.`,
    },
  ]
}
