/** What the panels' queries share. */

/** Instances that are chosen, for families of Pulsecheck itself. */
export const self = 'job=~"$job", instance=~"$instance"'
/** Dependencies that are chosen, as the chosen instances see them. */
export const chosen = `${self}, kind=~"$kind", dependency=~"$dependency"`
/** The same for recorded series, which are those of no instance. */
export const recorded = 'job=~"$job", kind=~"$kind", dependency=~"$dependency"'

/** A quantile of check durations: of native buckets where Prometheus collects them, else of classic ones. */
export function durationQuantile(q: number, by: string): string {
  const rate = (suffix: string) =>
    `rate(dependency_check_duration_seconds${suffix}{${chosen}}[$__rate_interval])`
  return `histogram_quantile(${q}, sum by (${by}) (${rate('')})) or histogram_quantile(${q}, sum by (${by}, le) (${rate('_bucket')}))`
}

/** The rate of all observations: native buckets where Prometheus collects them, else classic ones, never both. */
export function durationBuckets(): string {
  const native = `sum (rate(dependency_check_duration_seconds{${chosen}}[$__rate_interval]))`
  const classic = `sum by (le) (rate(dependency_check_duration_seconds_bucket{${chosen}}[$__rate_interval]))`
  return `${native} or (${classic} unless on () ${native})`
}

/** Per second, by these labels. */
export function rateBy(by: string, counter: string, matchers: string): string {
  return `sum by (${by}) (rate(${counter}{${matchers}}[$__rate_interval]))`
}
