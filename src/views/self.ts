/** The families about Pulsecheck itself. */
import type { Family, HistogramValue, NumberSample } from '../exposition/family.ts'

/** Why a reload was refused: the config has problems, or looks as if a part of it were missing. */
export const reloadFailures = ['invalid', 'truncated'] as const
export type ReloadFailure = (typeof reloadFailures)[number]
export const noFailures: Readonly<Record<ReloadFailure, number>> = { invalid: 0, truncated: 0 }

/** What is known of ourselves at one moment. */
export interface Self {
  readonly ready: boolean
  readonly checksInFlight: number
  readonly schedulerLag: HistogramValue
  readonly build: { readonly version: string; readonly nodeVersion: string }
  /** Only where there is a config file to reload. */
  readonly lastReload?: LastReload & {
    readonly failures: Readonly<Record<ReloadFailure, number>>
    /** Files of `...File` keys that have changed and cannot be used. */
    readonly unusableFiles: number
  }
  /** Only where there is a web config file, which is followed. */
  readonly lastWebReload?: LastReload
}

export interface LastReload {
  readonly successful: boolean
  /** Unix time of the last one that was, in milliseconds. */
  readonly successAt: number
}

/** Bounds of the scheduler's lag, in seconds: a millisecond is usual, a second is an alarm. */
export const lagBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

export const selfFamilies: readonly Family<Self>[] = [
  gauge(
    'pulsecheck_ready',
    'Whether /readyz answers 200: every critical dependency is up and we are not draining.',
    self => one(Number(self.ready)),
  ),
  gauge('pulsecheck_build_info', 'The running version; always 1.', ({ build }) => [
    { labels: { version: build.version, nodeversion: build.nodeVersion }, value: 1 },
  ]),
  gauge(
    'pulsecheck_config_last_reload_successful',
    'Whether the last load of the config was accepted.',
    ({ lastReload }) => (lastReload === undefined ? [] : one(Number(lastReload.successful))),
  ),
  gauge(
    'pulsecheck_config_last_reload_success_timestamp_seconds',
    'Unix time of the last load of the config that was accepted.',
    ({ lastReload }) => (lastReload === undefined ? [] : one(lastReload.successAt / 1_000)),
  ),
  gauge(
    'pulsecheck_web_config_last_reload_successful',
    'Whether the last load of the web config file, its certificates and keys was accepted.',
    ({ lastWebReload }) => (lastWebReload === undefined ? [] : one(Number(lastWebReload.successful))),
  ),
  gauge(
    'pulsecheck_web_config_last_reload_success_timestamp_seconds',
    'Unix time of the last load of the web config file that was accepted.',
    ({ lastWebReload }) => (lastWebReload === undefined ? [] : one(lastWebReload.successAt / 1_000)),
  ),
  {
    name: 'pulsecheck_config_reload_failures_total',
    type: 'counter',
    help: 'Reloads that were refused, by cause: invalid, or truncated if the config looks incomplete.',
    samples: ({ lastReload }) =>
      reloadFailures.flatMap(cause =>
        lastReload === undefined ? [] : [{ labels: { cause }, value: lastReload.failures[cause] }],
      ),
  },
  gauge(
    'pulsecheck_secret_files_unusable',
    'Files named by ...File keys that have changed and cannot be used; their last good content is.',
    ({ lastReload }) => (lastReload === undefined ? [] : one(lastReload.unusableFiles)),
  ),
  {
    name: 'pulsecheck_scheduler_lag_seconds',
    type: 'histogram',
    help: 'How late checks started, measured against their planned moment.',
    samples: ({ schedulerLag }) => [{ labels: {}, histogram: schedulerLag }],
  },
  gauge('pulsecheck_checks_in_flight', 'Checks under way.', self => one(self.checksInFlight)),
]

function gauge(name: string, help: string, samples: (self: Self) => readonly NumberSample[]): Family<Self> {
  return { name, type: 'gauge', help, samples }
}

function one(value: number): readonly NumberSample[] {
  return [{ labels: {}, value }]
}
