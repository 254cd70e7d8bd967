/** The families about what the service reloads: its config, its secrets and its web config. */
import type { Family, NumberSample } from '../exposition/family.ts'

/** Why a reload was refused: the config has problems, or looks as if a part of it were missing. */
export const reloadFailures = ['invalid', 'truncated'] as const
export type ReloadFailure = (typeof reloadFailures)[number]
export const noFailures: Readonly<Record<ReloadFailure, number>> = { invalid: 0, truncated: 0 }

/** What a service knows of its reloads at one moment. */
export interface Reloads {
  readonly config: Reload
  /** Refused reloads of the config since the start. */
  readonly failures: Readonly<Record<ReloadFailure, number>>
  /** Files named by `...File` keys that have changed and cannot be used. */
  readonly unusableFiles: number
  /** Undefined without a web config file. */
  readonly web: Reload | undefined
}

export interface Reload {
  /** Whether the last one was accepted. */
  readonly successful: boolean
  /** When one was last accepted, in Unix milliseconds. */
  readonly successAt: number
}

export const reloadFamilies: readonly Family<Reloads>[] = [
  gauge(
    'pulsecheck_config_last_reload_successful',
    'Whether the last load of the config was accepted.',
    ({ config }) => one(Number(config.successful)),
  ),
  gauge(
    'pulsecheck_config_last_reload_success_timestamp_seconds',
    'Unix time of the last load of the config that was accepted.',
    ({ config }) => one(config.successAt / 1_000),
  ),
  gauge(
    'pulsecheck_web_config_last_reload_successful',
    'Whether the last load of the web config file, its certificates and keys was accepted.',
    ({ web }) => (web === undefined ? [] : one(Number(web.successful))),
  ),
  gauge(
    'pulsecheck_web_config_last_reload_success_timestamp_seconds',
    'Unix time of the last load of the web config file that was accepted.',
    ({ web }) => (web === undefined ? [] : one(web.successAt / 1_000)),
  ),
  {
    name: 'pulsecheck_config_reload_failures_total',
    type: 'counter',
    help: 'Reloads that were refused, by cause: invalid, or truncated if the config looks incomplete.',
    samples: ({ failures }) => reloadFailures.map(cause => ({ labels: { cause }, value: failures[cause] })),
  },
  gauge(
    'pulsecheck_secret_files_unusable',
    'Files named by ...File keys that have changed and cannot be used; their last good content is.',
    ({ unusableFiles }) => one(unusableFiles),
  ),
]

function gauge(
  name: string,
  help: string,
  samples: (reloads: Reloads) => readonly NumberSample[],
): Family<Reloads> {
  return { name, type: 'gauge', help, samples }
}

function one(value: number): readonly NumberSample[] {
  return [{ labels: {}, value }]
}
