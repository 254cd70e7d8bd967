/** Names and phrases that the rules share. */

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
