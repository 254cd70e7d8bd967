/**
 * The flags of every command, spelt as operators of other exporters type them from memory, and the shard that some of
 * them name.
 */

import { hostname } from 'node:os'
import { type Command, Option } from 'commander'
import type { Shard } from '../service/shard.ts'
import { Exit, exitCodes } from './ending.ts'

const logLevels = ['debug', 'info', 'warn', 'error'] as const
const logFormats = ['logfmt', 'json'] as const

/** As commander hands them over: what follows a hyphen in camel case. */
export interface GlobalFlags {
  readonly 'config.file'?: string
  readonly 'config.check'?: boolean
  readonly 'config.allowShrink'?: boolean
  readonly watch?: boolean
  readonly 'shard.total'?: string
  readonly 'shard.index'?: string
  readonly kinds?: readonly string[]
  readonly 'web.listenAddress'?: readonly string[]
  readonly 'web.config.file'?: string
  readonly 'web.telemetryPath'?: string
  readonly 'web.enableLifecycle'?: boolean
  readonly 'log.level': (typeof logLevels)[number]
  readonly 'log.format': (typeof logFormats)[number]
}

export function addFlags(program: Command): void {
  program
    .option(
      '--config.file <path>',
      'config file; default: pulsecheck.yml if it exists, else DATABASE_URL, REDIS_URL and PULSECHECK_DEPENDENCY_<NAME>',
    )
    .option('--config.check', 'validate the config and exit')
    .option('--config.allow-shrink', 'allow a reload to remove most of the dependencies')
    .option('--watch', 'reload when the config file changes; default under Kubernetes')
    .option('--no-watch', 'reload only on a signal or a request')
    .option(
      '--shard.total <n>',
      'number of instances that share the dependencies; default: SHARD_TOTAL, else 1',
    )
    .option(
      '--shard.index <n>',
      'number of this instance, from 0; default: SHARD_INDEX, else the number at the end of the host name',
    )
    .option('--kinds <file>', 'module that exports kinds of your own, made by defineKind; repeatable', append)
    .option(
      '--web.listen-address <address>',
      'host:port to listen on, instead of server.listen; repeatable',
      append,
    )
    .option('--web.config.file <path>', "TLS and users, in the format of Prometheus' exporter-toolkit")
    .option('--web.telemetry-path <path>', 'path of the metrics, instead of server.metricsPath')
    .option('--web.enable-lifecycle', 'allow reloads by POST /-/reload')
    .addOption(
      new Option('--log.level <level>', 'least severe level to log').choices(logLevels).default('info'),
    )
    .addOption(
      new Option('--log.format <format>', 'format of log lines').choices(logFormats).default('logfmt'),
    )
}

function append(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}

interface ShardPlace {
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly host: string
}

/** As many as a large cluster has cores; more is a mistake. */
const maxShards = 10_000

/**
 * Returns which shard this instance is, according to its flags, SHARD_TOTAL and SHARD_INDEX, or the ordinal at the end of
 * the host name of a StatefulSet's pod.
 *
 * @returns undefined if there is only one instance.
 * @throws Exit 2
 */
export function readShard(
  flags: Pick<GlobalFlags, 'shard.total' | 'shard.index'>,
  { env, host }: ShardPlace = { env: process.env, host: hostname() },
): Shard | undefined {
  const total = read('--shard.total', flags['shard.total']) ?? read('SHARD_TOTAL', env.SHARD_TOTAL)
  const index = read('--shard.index', flags['shard.index']) ?? read('SHARD_INDEX', env.SHARD_INDEX)
  if (total === undefined) {
    if (flags['shard.index'] === undefined) return undefined
    throw refuse('--shard.index needs --shard.total')
  }
  if (total < 1 || total > maxShards)
    throw refuse(`--shard.total ${total}: write a number from 1 to ${maxShards}`)
  const own = index ?? (total === 1 ? 0 : ordinalOf(host))
  if (own === undefined)
    throw refuse(`--shard.index is missing, and the host name "${host}" does not end in -<number>`)
  if (own >= total) throw refuse(`--shard.index ${own}: the first is 0, and --shard.total is ${total}`)
  return total === 1 ? undefined : { index: own, total }
}

function read(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw refuse(`${name} "${text}": write a whole number`)
}

/** `pulsecheck-3` is the pod with ordinal 3. */
function ordinalOf(host: string): number | undefined {
  const [, ordinal] = /^[^.]*-(\d{1,9})(?:\.|$)/.exec(host) ?? []
  return ordinal === undefined ? undefined : Number(ordinal)
}

function refuse(problem: string): Exit {
  return new Exit(exitCodes.usage, [`error: ${problem}`])
}
