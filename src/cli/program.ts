/** The command line: flags as operators of exporters type them from memory, and the commands. */
import { Command, Option } from 'commander'
import { version } from '../model/version.ts'
import { addCommands } from './commands.ts'
import { exitCodes } from './exit.ts'
import { logFormats, logLevels } from './flags.ts'
import { type EarlySignals, endOnHangup } from './interrupt.ts'

export function createProgram(early: EarlySignals = { hungUp: () => false }): Command {
  const program = new Command('pulsecheck')
    .description(
      'Checks what a service depends on, on its own schedule, and serves the results to Prometheus, Kubernetes and people.',
    )
    .version(`pulsecheck ${version()}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option(
      '--config.file <path>',
      'config file; default: pulsecheck.yml if it exists, else DATABASE_URL, REDIS_URL and PULSECHECK_DEPENDENCY_<NAME>',
    )
    .option('--config.check', 'validate the config and exit')
    .option('--config.allow-shrink', 'allow a reload to remove most of the dependencies')
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
    .addHelpText('after', `\nExit codes: ${exitHelp}.`)
    .showSuggestionAfterError()
    .showHelpAfterError('(pulsecheck --help lists the flags and commands)')
    .exitOverride()
    .hook('preAction', (_, command) => {
      if (command.name() !== 'run') endOnHangup(early)
    })
  addCommands(program, early)
  return program
}

const exitHelp = Object.entries({
  [exitCodes.ok]: 'clean end',
  [exitCodes.failed]: 'internal error, or a failed check or wait',
  [exitCodes.usage]: 'wrong usage',
  [exitCodes.config]: 'invalid config',
  [exitCodes.cannotListen]: 'cannot listen',
})
  .map(([code, meaning]) => `${code} ${meaning}`)
  .join(', ')

function append(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
