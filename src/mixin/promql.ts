/**
 * What the rules share: names and phrases of PromQL, and durations, which follow from how often Prometheus scrapes and
 * how often dependencies are checked.
 */
import type { Dependency } from '../model/dependency.ts'
import { formatDuration } from '../model/notation.ts'

/** What makes a dependency one, whatever the number of instances that check it. Labels that are not there do no harm. */
export const identity = 'cluster, namespace, job, dependency, kind'
/** What makes an instance of Pulsecheck one. */
export const instance = 'cluster, namespace, job, instance'

/** The recorded series, named level:metric:operations. The level `dependency` is the labels of `identity`. */
export const recorded = {
  /** 1 if any instance sees it up, 0 if all of them see it down. */
  upAnywhere: 'dependency:dependency_up:max',
  /** 0 if any instance sees it down. */
  upEverywhere: 'dependency:dependency_up:min',
  /** 1 once it has been up, as Prometheus remembers. */
  seenUp: 'dependency:dependency_up:seen',
  critical: 'dependency:dependency_critical:max',
  /** Its target, team and owner. */
  info: 'dependency:dependency_info:first',
  slowness: 'dependency:dependency_check_duration_seconds:p99',
  slo: 'dependency:dependency_slo_ratio:max',
  /** Share of the time that is known to be up. */
  availability: 'dependency:dependency_status_seconds:up_ratio',
} as const

/** The share of a window that the dependency was known to be down, as the instance sees it that sees it least. */
export function downRatio(window: string): string {
  return `dependency:dependency_status_seconds:down_ratio_rate${window}`
}

/** The labels that alerts carry beside those of their expression, for their routes and their text. */
const infoLabels = 'team, owner, target'

/** The series of an expression with the labels of `dependency_info` that alerts need. */
export function withInfo(expression: string): string {
  return `(\n${indent(expression)}\n)\n* on (${identity}) group_left (${infoLabels})\n${recorded.info}`
}

/** The labels of `dependency_info` that are recorded. */
export const infoIdentity = `${identity}, ${infoLabels}`

/** A quantile of a histogram by these labels: of native buckets where Prometheus collects them, else of classic ones. */
export function quantileOf(q: number, metric: string, by: string, window: string): string {
  return [
    `histogram_quantile(${q}, sum by (${by}) (rate(${metric}[${window}])))`,
    'or',
    `histogram_quantile(${q}, sum by (${by}, le) (rate(${metric}_bucket[${window}])))`,
  ].join('\n')
}

/** The series of a metric; of an instance whose last scrape was lost, what it showed before. */
export function lastKnown(metric: string, lookback: string): string {
  return `${metric} or (last_over_time(${metric}[${lookback}]) and on (${instance}) up == 0)`
}

/** Every line two spaces further in. */
export function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}

/** Durations as Prometheus writes them. */
export interface Timing {
  /** How far back a lost scrape is bridged. */
  readonly lookback: string
  /** What must hold this long is no accident of a scrape. */
  readonly confirm: string
  /** Longer than a restart, a reload or a rollout of one instance takes. */
  readonly settle: string
  /** What does not wake anybody may take its time. */
  readonly patience: string
  /** Longer than a stall of Pulsecheck of ten minutes. */
  readonly stall: string
  /** Contains enough checks for a 99th percentile. */
  readonly sample: string
  /** Contains enough checks to tell flapping from two outages. */
  readonly flapping: string
  /** The shortest window of burn rates, in milliseconds. */
  readonly burnMs: number
  /** How late checks may start, in seconds. */
  readonly lagSeconds: number
}

/** 15 s for scrapes and checks: the defaults of most Prometheus servers and of Pulsecheck. */
const usualMs = 15_000

/** @param dependencies of the config; none for any config, whose intervals are then the default ones. */
export function timing(scrapeIntervalMs: number, dependencies: readonly Dependency[] = []): Timing {
  const scrapes = (count: number) => formatDuration(count * scrapeIntervalMs)
  const intervals = dependencies.map(({ intervalMs }) => intervalMs)
  const slowest = Math.max(...(intervals.length === 0 ? [usualMs] : intervals))
  const fastest = Math.min(...(intervals.length === 0 ? [usualMs] : intervals))
  const pledged = dependencies.filter(({ slo }) => slo !== undefined).map(({ intervalMs }) => intervalMs)
  const atLeast = (scrapes: number, checks: number) =>
    formatDuration(wholeMinutes(Math.max(scrapes * scrapeIntervalMs, checks * slowest)))
  return {
    lookback: scrapes(8),
    confirm: scrapes(4),
    settle: scrapes(20),
    patience: scrapes(40),
    stall: atLeast(60, 2),
    sample: atLeast(40, 20),
    flapping: atLeast(240, 40),
    burnMs: wholeMinutes(Math.max(20 * scrapeIntervalMs, ...pledged.map(ms => 4 * ms))),
    lagSeconds: Math.min(1, Math.max(0.25, fastest / 2_000)),
  }
}

/** Above a minute, whole minutes: `17m` reads better than `16m40s`. */
function wholeMinutes(ms: number): number {
  return ms <= 60_000 ? ms : 60_000 * Math.ceil(ms / 60_000)
}
