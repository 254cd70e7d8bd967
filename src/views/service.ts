/**
 * The families that only the service has: its reloads, its share of the dependencies, and the metrics of its process.
 */

import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Family } from '../exposition/family.ts'
import { type ForeignMetric, type ForeignMetrics, familiesOf } from './registry.ts'
import { gauge, one } from './self.ts'

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

/** Gauges that are named like counters. Linters refuse them, and the series by type contain the same numbers. */
const misnamed = /^nodejs_active_(?:resources|handles|requests)_total$/

/**
 * Starts measuring the process. prom-client's collectors run until the process ends, so call this once, in a process of
 * our own.
 */
export async function createProcessMetrics(): Promise<{
  families: readonly Family<ForeignMetrics>[]
  /** The measurements of the last call of `prepare`. */
  read(): ForeignMetrics
  prepare(): Promise<void>
}> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const createdSeconds = Date.now() / 1_000
  let latest: ForeignMetrics = new Map()
  const prepare = async () => {
    const metrics = (await registry.getMetricsAsJSON()) as readonly ForeignMetric[]
    latest = new Map(metrics.filter(({ name }) => !misnamed.test(name)).map(metric => [metric.name, metric]))
  }
  await prepare()
  return {
    families: [...latest.values()].flatMap(metric => familiesOf(metric, createdSeconds)),
    read: () => latest,
    prepare,
  }
}
