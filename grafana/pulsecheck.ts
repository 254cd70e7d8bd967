/** Pulsecheck itself: does it keep up, and what does it cost? */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { frame } from './frame.ts'
import { lines, numbers } from './panels.ts'
import { rateBy, self } from './queries.ts'

const lag = (q: number) => {
  const rate = (suffix: string) =>
    `rate(pulsecheck_scheduler_lag_seconds${suffix}{${self}}[$__rate_interval])`
  return `histogram_quantile(${q}, sum by (instance) (${rate('')})) or histogram_quantile(${q}, sum by (instance, le) (${rate('_bucket')}))`
}

export function pulsecheck(): dashboard.DashboardBuilder {
  const builder = frame(
    'pulsecheck-self',
    'Pulsecheck / Itself',
    'Whether Pulsecheck keeps up with its checks, and what it costs.',
  )
  return withProcess(withWork(withNow(builder)))
}

function withNow(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Now'))
    .withPanel(
      numbers(
        {
          title: 'Instances',
          description: 'Whether Prometheus can scrape each of them.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        { [`up{${self}}`]: '{{instance}}' },
        { names: { 1: ['up', 'green'], 0: ['down', 'red'] } },
      ),
    )
    .withPanel(
      numbers(
        {
          title: 'Versions',
          description: 'How many instances run which version.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        {
          [`count by (version, nodeversion) (pulsecheck_build_info{${self}})`]:
            '{{version}} on Node.js {{nodeversion}}',
        },
      ),
    )
    .withPanel(
      numbers(
        {
          title: 'Last reload',
          description: 'Whether the last reload of the configuration was accepted.',
          unit: 'short',
          width: 8,
          height: 5,
        },
        {
          [`pulsecheck_config_last_reload_successful{${self}}`]: '{{instance}}',
          [`pulsecheck_web_config_last_reload_successful{${self}}`]: '{{instance}}, web configuration',
        },
        { names: { 1: ['accepted', 'green'], 0: ['refused', 'red'] } },
      ),
    )
}

function withWork(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Work'))
    .withPanel(
      lines(
        { title: 'Checks', description: 'Completed checks per second.', unit: 'ops', width: 8 },
        { [rateBy('instance', 'dependency_checks_total', self)]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        { title: 'Checks in flight', description: 'Checks under way.', unit: 'short', width: 8 },
        { [`pulsecheck_checks_in_flight{${self}}`]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Skipped checks',
          description: 'Checks per second that were not run, through our own fault, by cause.',
          unit: 'ops',
          width: 8,
        },
        { [rateBy('instance, cause', 'dependency_checks_skipped_total', self)]: '{{instance}}: {{cause}}' },
        { stacked: true },
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Lag of the schedule',
          description: 'How late checks started, against their planned moment.',
          unit: 's',
          width: 8,
        },
        { [lag(0.5)]: '{{instance}} p50', [lag(0.99)]: '{{instance}} p99' },
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Lag of the event loop',
          description: '99th percentile, as Node.js measures it.',
          unit: 's',
          width: 8,
        },
        { [`nodejs_eventloop_lag_p99_seconds{${self}}`]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        {
          title: 'Refused reloads',
          description: 'Within the time range, by cause.',
          unit: 'short',
          width: 8,
        },
        {
          [`sum by (instance, cause) (increase(pulsecheck_config_reload_failures_total{${self}}[$__rate_interval]))`]:
            '{{instance}}: {{cause}}',
        },
      ),
    )
}

function withProcess(builder: dashboard.DashboardBuilder): dashboard.DashboardBuilder {
  return builder
    .withRow(new dashboard.RowBuilder('Process'))
    .withPanel(
      lines(
        { title: 'Memory', description: 'Resident set size.', unit: 'bytes', width: 6 },
        { [`process_resident_memory_bytes{${self}}`]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        { title: 'CPU', description: 'Cores in use.', unit: 'short', width: 6 },
        { [rateBy('instance', 'process_cpu_seconds_total', self)]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        { title: 'Open file descriptors', description: 'Sockets count.', unit: 'short', width: 6 },
        { [`process_open_fds{${self}}`]: '{{instance}}' },
      ),
    )
    .withPanel(
      lines(
        { title: 'Series', description: 'Series in each scrape.', unit: 'short', width: 6 },
        { [`scrape_samples_post_metric_relabeling{${self}}`]: '{{instance}}' },
      ),
    )
}
