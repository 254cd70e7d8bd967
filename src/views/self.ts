/** The families about Pulsecheck itself: a monitor, and what a service reloads. */
import type { Family, HistogramValue, NumberSample } from '../exposition/family.ts'

/** What a monitor knows of itself at one moment. */
export interface Self {
  readonly ready: boolean
  readonly checksInFlight: number
  readonly schedulerLag: HistogramValue
  readonly build: { readonly version: string; readonly nodeVersion: string }
}

/** Bounds of the scheduler's lag in seconds: a millisecond is usual, a second is alarming. */
export const lagBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

export const selfFamilies: readonly Family<Self>[] = [
  gauge(
    'pulsecheck_ready',
    'Whether /readyz returns 200: every critical dependency is up and the process is not shutting down.',
    self => one(Number(self.ready)),
  ),
  gauge('pulsecheck_build_info', 'The running version; always 1.', ({ build }) => [
    { labels: { version: build.version, nodeversion: build.nodeVersion }, value: 1 },
  ]),
  {
    name: 'pulsecheck_scheduler_lag_seconds',
    type: 'histogram',
    help: 'Time between the scheduled and the actual start of checks.',
    samples: ({ schedulerLag }) => [{ labels: {}, histogram: schedulerLag }],
  },
  gauge('pulsecheck_checks_in_flight', 'Checks in flight.', self => one(self.checksInFlight)),
]

/** Why a reload was refused: the config has problems, or a part of it seems to be missing. */
const reloadFailures = ['invalid', 'truncated'] as const
export type ReloadFailure = (typeof reloadFailures)[number]
export const noFailures: Readonly<Record<ReloadFailure, number>> = { invalid: 0, truncated: 0 }

/** What a service knows of its reloads, and of its share, at one moment. */
export interface Reloads {
  readonly config: Reload
  /** Refused reloads of the config since the start. */
  readonly failures: Readonly<Record<ReloadFailure, number>>
  /** Files named by `...File` keys that have changed and cannot be used. */
  readonly unusableFiles: number
  /** Undefined without a web config file. */
  readonly web: Reload | undefined
  /** Undefined where one instance has all dependencies. */
  readonly shard: { readonly index: number; readonly total: number } | undefined
}

export interface Reload {
  /** Whether the last one was accepted. */
  readonly successful: boolean
  /** When one was last accepted, in Unix milliseconds. */
  readonly successAt: number
}

export const reloadFamilies: readonly Family<Reloads>[] = [
  gauge(
    'pulsecheck_shards',
    'Instances that share the dependencies; the label shard tells which of them this is. Absent without shards.',
    ({ shard }) =>
      shard === undefined ? [] : [{ labels: { shard: String(shard.index) }, value: shard.total }],
  ),
  gauge(
    'pulsecheck_config_last_reload_successful',
    'Whether the last load of the config was accepted.',
    ({ config }) => one(Number(config.successful)),
  ),
  gauge(
    'pulsecheck_config_last_reload_success_timestamp_seconds',
    'Unix time of the last accepted load of the config.',
    ({ config }) => one(config.successAt / 1_000),
  ),
  gauge(
    'pulsecheck_web_config_last_reload_successful',
    'Whether the last load of the web config file, its certificates and keys was accepted.',
    ({ web }) => (web === undefined ? [] : one(Number(web.successful))),
  ),
  gauge(
    'pulsecheck_web_config_last_reload_success_timestamp_seconds',
    'Unix time of the last accepted load of the web config file.',
    ({ web }) => (web === undefined ? [] : one(web.successAt / 1_000)),
  ),
  {
    name: 'pulsecheck_config_reload_failures_total',
    type: 'counter',
    help: 'Rejected reloads, by cause: invalid, or truncated if the config looks incomplete.',
    samples: ({ failures }) => reloadFailures.map(cause => ({ labels: { cause }, value: failures[cause] })),
  },
  gauge(
    'pulsecheck_secret_files_unusable',
    'Files named by ...File keys that cannot be used after a change; their last good content stays in use.',
    ({ unusableFiles }) => one(unusableFiles),
  ),
]

function gauge<Subject>(
  name: string,
  help: string,
  samples: (subject: Subject) => readonly NumberSample[],
): Family<Subject> {
  return { name, type: 'gauge', help, samples }
}

function one(value: number): readonly NumberSample[] {
  return [{ labels: {}, value }]
}
