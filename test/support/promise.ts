/** How soon an outage is told, computed from the configurations of all programs on the way. */
import { parse } from 'yaml'
import type { Dependency } from '../../src/model/dependency.ts'
import { parseDuration } from '../../src/model/notation.ts'

/** The texts of the files that Prometheus and Alertmanager run on. */
export interface AlertingFiles {
  readonly prometheus: string
  readonly rules: string
  readonly alertmanager: string
}

/** The steps from an outage to the notification, in milliseconds: the longest that each takes on a machine that keeps up. */
export interface Steps {
  readonly check: number
  readonly confirmation: number
  readonly scrape: number
  readonly evaluation: number
  readonly for: number
  readonly notification: number
}

export function promisedMs(dependency: Dependency, files: AlertingFiles): Steps {
  const { intervalMs, timeoutMs, confirmIntervalMs, failureThreshold } = dependency
  const { scrape_interval, evaluation_interval } = parse(files.prometheus).global
  const evaluation = milliseconds(evaluation_interval)
  return {
    check: intervalMs + timeoutMs,
    confirmation: (failureThreshold - 1) * (confirmIntervalMs + timeoutMs),
    scrape: milliseconds(scrape_interval),
    evaluation,
    // It fires at an evaluation.
    for: evaluation * Math.ceil(milliseconds(forOf('DependencyDown', files.rules)) / evaluation),
    notification: milliseconds(parse(files.alertmanager).route.group_wait),
  }
}

function forOf(alert: string, rules: string): string {
  const { groups } = parse(rules) as { groups: { rules: { alert?: string; for?: string }[] }[] }
  return groups.flatMap(({ rules }) => rules).find(rule => rule.alert === alert)?.for ?? ''
}

function milliseconds(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new TypeError(`not a duration: ${text}`)
  return ms
}
