/**
 * The command line. The file that carries out a command is loaded when the command runs, so that `healthcheck`, which an
 * orchestrator starts every few seconds, does not wait for what `run` needs.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../model/notation.ts'
import { version } from '../views/self.ts'
import { type EarlySignals, endOnHangup, exitCodes } from './ending.ts'
import { addFlags, type GlobalFlags } from './flags.ts'

export function createProgram(early: EarlySignals = { hungUp: () => false }): Command {
  const program = new Command('pulsecheck')
    .description(
      'Checks what a service depends on, on its own schedule, and serves the results to Prometheus, Kubernetes and people.',
    )
    .version(`pulsecheck ${version()}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `\nExit codes: ${exitHelp}.`)
    .showSuggestionAfterError()
    .showHelpAfterError('(pulsecheck --help lists the flags and commands)')
    .exitOverride()
    .hook('preAction', (_, command) => {
      if (command.name() !== 'run') endOnHangup(early)
    })
  addFlags(program)
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

function addCommands(program: Command, early: EarlySignals): void {
  const flags = () => program.opts<GlobalFlags>()
  program
    .command('run', { isDefault: true })
    .description('check on schedule and serve the results (the default)')
    .action(async () => (await import('./run.ts')).run(flags(), early))
  program
    .command('check')
    .description('check all dependencies, or only those named, once; exit 1 if a critical one is not up')
    .argument('[names...]', 'dependencies of the config')
    .addOption(
      new Option('-o, --output <format>', 'a table, or the JSON of /health')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (names, { output }) => (await import('./check.ts')).check(names, output, flags()))
  program
    .command('wait')
    .description('check until every critical dependency is up, or exit 1: for init containers and CI')
    .addOption(duration('--timeout <duration>', 'give up after this long', '60s'))
    .option('--for <names...>', 'wait for these only, whether or not they are critical')
    .action(async options => (await import('./wait.ts')).wait(options.timeout, options.for, flags()))
  program
    .command('healthcheck')
    .description('probe the liveness of a running instance, and exit 1 if it fails: for images without curl')
    .argument('[url]', 'where the instance listens', 'http://127.0.0.1:9797')
    .option('--ready', 'probe readiness (/readyz) instead of liveness (/healthz)')
    .addOption(duration('--timeout <duration>', 'give up after this long', '3s'))
    .option('--insecure', 'accept any certificate')
    .action(async (url, options) => (await import('./healthcheck.ts')).healthcheck(url, options))
  program
    .command('validate')
    .description('print every problem of the config with line and column, without contacting anything')
    .argument('[file]', 'the config file, instead of --config.file')
    .action(async file =>
      (await import('./config.ts')).validate(
        file === undefined ? flags() : { ...flags(), 'config.file': file },
      ),
    )
  program
    .command('schema')
    .description('print the JSON Schema of the config, for editors')
    .action(async () => (await import('./config.ts')).printSchema(flags()))
  program
    .command('rules')
    .description('print recording rules and alerts for Prometheus: for --config.file, or for any config')
    .option('--job <names...>', 'scrape jobs of Pulsecheck in Prometheus', ['pulsecheck'])
    .addOption(duration('--scrape-interval <duration>', 'how often Prometheus scrapes', '15s'))
    .option('--runbook-url <url>', 'where the runbooks of docs/runbooks are published', 'docs/runbooks')
    .action(async options => (await import('./mixin.ts')).printRules(options, flags()))
  program
    .command('alertmanager')
    .description(
      'print a starting point for the configuration of Alertmanager: for --config.file, or for any config',
    )
    .action(async () => (await import('./mixin.ts')).printAlertmanager(flags()))
  program
    .command('dashboard')
    .description('print a dashboard for Grafana: for --config.file, or for any config')
    .addArgument(new Argument('<name>', 'which one').choices(['overview', 'dependency', 'pulsecheck']))
    .action(async name => (await import('./mixin.ts')).printDashboard(name, flags()))
  program
    .command('init')
    .description('write a first config from DATABASE_URL, REDIS_URL and PULSECHECK_DEPENDENCY_<NAME>')
    .argument('[file]', 'the file to write; - is standard output', 'pulsecheck.yml')
    .option('--force', 'overwrite the file')
    .action(async (file, { force }) => (await import('./init.ts')).init(file, force === true))
  program
    .command('demo')
    .description(
      'start a PostgreSQL, a Redis and an HTTP service, break them in turn, and show what Pulsecheck sees',
    )
    .addOption(duration('--pace <duration>', 'duration of each act', '10s'))
    .option('--once', 'stop after one round')
    .option('--prometheus', 'start a Prometheus beside it, with the shipped rules')
    .action(async options => (await import('./demo.ts')).demo(options, flags()))
}

/** An option whose value is a Prometheus duration; the command gets milliseconds. */
function duration(flags: string, description: string, preset: string): Option {
  return new Option(flags, description).argParser(milliseconds).default(milliseconds(preset), preset)
}

function milliseconds(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0) return ms
  throw new InvalidArgumentError('Write a duration, such as 500ms, 15s or 1m30s.')
}
