/** The flags of every command, spelt as operators of other exporters type them from memory. */
import { type Command, Option } from 'commander'

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
    .option('--no-watch', 'reload on a signal or a request alone')
    .option('--shard.total <n>', 'instances that share the dependencies; default: SHARD_TOTAL, else 1')
    .option(
      '--shard.index <n>',
      'which of them this is, from 0; default: SHARD_INDEX, else the number that ends the host name',
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
