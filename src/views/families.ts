/** The families of a dependency, each declared once: name, type, meaning and how to read it from the state. */

import type { Exemplar, Family, HistogramValue, Labels, NumberSample } from '../exposition/family.ts'
import { type Phase, phases, type Status, skipCauses, statuses, tlsNotAfter } from '../model/dependency.ts'
import { reasons } from '../model/failure.ts'
import type { DependencyState } from '../state/transition.ts'

/** What the families of a dependency are read from. */
export interface DependencySubject {
  readonly state: DependencyState
  /** The status at the moment of reading, staleness included. */
  readonly status: Status
  readonly durations: HistogramValue
}

type DependencyFamily = Family<DependencySubject>

const cached = 'Cached result of the last checks; a scrape triggers no checks.'

/** The families that every kind has, in the order in which they are shown. */
export const dependencyFamilies: readonly DependencyFamily[] = [
  gauge(
    'dependency_up',
    `Settled status: 1 up, 0 down, absent while unknown or stale. ${cached}`,
    ({ status }) => (status === 'unknown' ? undefined : Number(status === 'up')),
  ),
  gauge('dependency_check_success', `Whether the last check succeeded. ${cached}`, ({ state }) =>
    bit(state.last?.ok),
  ),
  {
    name: 'dependency_check_duration_seconds',
    type: 'histogram',
    help: 'Duration of completed checks; a timeout counts as the timeout.',
    samples: ({ state, durations }) => [{ labels: labelsOf(state), histogram: durations }],
  },
  counter('dependency_checks_total', 'Completed checks.', ({ state }) => [
    { labels: labelsOf(state), value: state.checks },
  ]),
  counter(
    'dependency_check_failures_total',
    'Failed checks, by reason.',
    ({ state }) =>
      reasons.map(reason => ({ labels: { ...labelsOf(state), reason }, value: state.failures[reason] })),
    ({ state }) => state.failures,
  ),
  counter(
    'dependency_checks_skipped_total',
    'Scheduled checks that were not run, by cause.',
    ({ state }) =>
      skipCauses.map(cause => ({ labels: { ...labelsOf(state), cause }, value: state.skipped[cause] })),
    ({ state }) => state.skipped,
  ),
  gauge('dependency_last_check_timestamp_seconds', 'Unix time of the last completed check.', ({ state }) =>
    seconds(state.last?.at),
  ),
  gauge('dependency_last_success_timestamp_seconds', 'Unix time of the last successful check.', ({ state }) =>
    seconds(state.lastSuccess?.at),
  ),
  counter(
    'dependency_transitions_total',
    'Changes of the settled status.',
    ({ state }) => [{ labels: labelsOf(state), value: state.transitions }],
    ({ state }) => state.transitions,
  ),
  counter(
    'dependency_status_seconds_total',
    'Time spent in each settled status, counted up to the last check.',
    ({ state }) =>
      statuses.map(status => ({
        labels: { ...labelsOf(state), status },
        value: state.statusMs[status] / 1_000,
      })),
  ),
  gauge(
    'dependency_status_since_timestamp_seconds',
    'Unix time at which the settled status last changed.',
    ({ state, status }) => seconds(statusSince(state, status)),
  ),
  {
    name: 'dependency_failure',
    type: 'gauge',
    help: `Reason of the last failed check while the dependency is down: always 1, absent otherwise. ${cached}`,
    samples: ({ state, status }) => {
      const reason = status === 'down' ? state.lastFailure?.reason : undefined
      return reason === undefined ? [] : [{ labels: { ...labelsOf(state), reason }, value: 1 }]
    },
  },
  {
    name: 'dependency_check_phase_duration_seconds',
    type: 'gauge',
    help: `Time that the last check spent in each of its phases. ${cached}`,
    samples: ({ state }) => phases.flatMap(phase => phaseSample(state, phase)),
  },
  gauge(
    'dependency_tls_not_after_timestamp_seconds',
    `Unix time of the earliest expiry in the presented certificate chain, even if verification failed. ${cached}`,
    ({ state }) => state.last?.measurements[tlsNotAfter],
  ),
  gauge(
    'dependency_critical',
    'Whether readiness requires this dependency: 1 critical, 0 not.',
    ({ state }) => bit(state.dependency.critical),
  ),
  gauge('dependency_interval_seconds', 'Configured time between two checks.', ({ state }) =>
    seconds(state.dependency.intervalMs),
  ),
  gauge('dependency_timeout_seconds', 'Configured deadline of one check.', ({ state }) =>
    seconds(state.dependency.timeoutMs),
  ),
  gauge(
    'dependency_slo_ratio',
    'Configured availability objective, as a ratio; absent if there is none.',
    ({ state }) => state.dependency.slo,
  ),
  gauge(
    'dependency_latency_slo_seconds',
    'Configured objective for the 99th percentile of the check duration; absent if there is none.',
    ({ state }) => seconds(state.dependency.latencySloMs),
  ),
  {
    name: 'dependency_info',
    type: 'gauge',
    help: 'The target and the configured labels; always 1.',
    samples: ({ state }) => {
      const { target, labels } = state.dependency
      return [{ labels: { ...labelsOf(state), target, ...labels }, value: 1 }]
    },
    isSame: isOfSameDependency,
  },
]

/** The gauges of one kind's own measurements. */
export function measurementFamilies(
  kind: string,
  measurementHelp: Readonly<Record<string, string>>,
): readonly DependencyFamily[] {
  return Object.entries(measurementHelp).map(([name, help]) =>
    gauge(`dependency_${kind}_${name}`, `${help} ${cached}`, ({ state }) => state.last?.measurements[name]),
  )
}

/** The exemplar of a notable check: its trace, if it sent one. */
export function exemplarOf(traceId: string | undefined, at: number): Omit<Exemplar, 'value'> {
  return { labels: traceId === undefined ? {} : { trace_id: traceId }, timestamp: at / 1_000 }
}

/** A family with one number for each dependency. If it is undefined, the series is left out. */
function gauge(
  name: string,
  help: string,
  read: (subject: DependencySubject) => number | undefined,
): DependencyFamily {
  const samples = (subject: DependencySubject) => {
    const value = read(subject)
    return value === undefined ? [] : [{ labels: labelsOf(subject.state), value }]
  }
  const isSame = (subject: DependencySubject, before: DependencySubject) =>
    isOfSameDependency(subject, before) && read(subject) === read(before)
  return { name, type: 'gauge', help, samples, isSame }
}

/** @param basis what the samples are read off, if most checks leave it as it was. */
function counter(
  name: string,
  help: string,
  read: (subject: DependencySubject) => readonly NumberSample[],
  basis?: (subject: DependencySubject) => unknown,
): DependencyFamily {
  const samples = (subject: DependencySubject) => {
    const created = subject.state.createdAt / 1_000
    return read(subject).map(sample => ({ ...sample, created }))
  }
  if (basis === undefined) return { name, type: 'counter', help, samples }
  const isSame = (subject: DependencySubject, before: DependencySubject) =>
    isOfSameDependency(subject, before) && basis(subject) === basis(before)
  return { name, type: 'counter', help, samples, isSame }
}

/** Whether labels and configured values are the same. */
function isOfSameDependency({ state }: DependencySubject, before: DependencySubject): boolean {
  return state.dependency === before.state.dependency
}

function phaseSample(state: DependencyState, phase: Phase): readonly NumberSample[] {
  const ms = state.last?.phases[phase]
  return ms === undefined ? [] : [{ labels: { ...labelsOf(state), phase }, value: ms / 1_000 }]
}

/** The two labels of every series of a dependency. */
function labelsOf({ dependency }: DependencyState): Labels {
  return { dependency: dependency.name, kind: dependency.kind }
}

function bit(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000
}

/** When the status of the moment of reading began, in Unix milliseconds. */
function statusSince({ since, last, status, dependency }: DependencyState, present: Status): number {
  const isStale = present !== status && last !== undefined
  return isStale ? last.at + dependency.staleAfterMs : since.at
}
