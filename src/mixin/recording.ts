/** The recording rules: what several instances see as one series a dependency, and the windows of burn rates. */
import { formatDuration } from '../model/notation.ts'
import { downRatio, identity, indent, infoIdentity, lastKnown, quantileOf, recorded } from './promql.ts'
import type { Timing } from './timing.ts'

export interface RecordingRule {
  readonly record: string
  readonly expr: string
}

/** What every instance sees, put together. */
export function statusRecordings({ lookback }: Timing): readonly RecordingRule[] {
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
export function qualityRecordings({ sample }: Timing): readonly RecordingRule[] {
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
export const burnIntervalMs = 30_000

/** The share of time that dependencies with an objective were known to be down, over every window. */
export function burnRecordings({ burnMs }: Timing): Readonly<Record<'fast' | 'slow', RecordingRule[]>> {
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
