/** Loads the config of the service, and compares it with the running one. */
import { isDeepStrictEqual } from 'node:util'
import { type Config, type LoadOptions, loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import type { Logger } from '../model/logger.ts'
import type { Shard } from './shard.ts'
import { type Bounds, ConfigError, mergeSources, suspicious } from './sources.ts'

/** Where the config comes from. */
export interface ConfigPlace {
  /** Without it, the environment is the configuration. */
  readonly configFile?: string | undefined
  readonly env: LoadOptions['env']
  readonly kinds: LoadOptions['kinds']
  /** Which of several instances this is. Default: the only one. */
  readonly shard?: Shard | undefined
}

/** The name of the config among the sources. */
export function nameOf({ configFile = 'environment' }: Pick<ConfigPlace, 'configFile'>): string {
  return configFile
}

export function boundsOf(
  { histogram, server: { maxSeries } }: Config,
  { shard }: Pick<ConfigPlace, 'shard'>,
): Bounds {
  return { histogram, maxSeries, shard }
}

/**
 * Loads the config from its file or the environment, and holds it to its own bounds.
 *
 * @param reading how a running service reads it again; see `LoadOptions`.
 * @throws ConfigError
 */
export async function loadServiceConfig(
  place: ConfigPlace,
  reading: Pick<LoadOptions, 'pause' | 'again'> = {},
): Promise<Config> {
  const { configFile: file, env, kinds } = place
  const loaded = await loadConfig({ ...reading, file, env, kinds })
  if (!loaded.ok) throw new ConfigError(loaded.problems.map(formatProblem), 'invalid', loaded.named)
  await mergeSources(new Map([[nameOf(place), loaded.config.dependencies]]), boundsOf(loaded.config, place))
  return loaded.config
}

/** @throws ConfigError if the file is the running config, cut off within a line. */
export function refuseCut(running: Config, next: Config, place: ConfigPlace): void {
  if (isCutWithinLine(next.text?.reveal() ?? '', running.text?.reveal() ?? ''))
    throw suspicious(nameOf(place), 'is the running config, cut off within a line')
}

/** Somebody may remove whole lines from the end on purpose, but hardly ever a part of one. */
function isCutWithinLine(text: string, whole: string): boolean {
  return whole.startsWith(text) && !/[\r\n]$/.test(text) && /[^\r\n]/.test(whole[text.length] ?? '\n')
}

/** Whether the final newline is gone: not wrong, but a sign of a truncated file. */
export function lacksLastNewline(running: Config, next: Config): boolean {
  const endsInNewline = ({ text }: Config) => /[\r\n]$/.test(text?.reveal() ?? '\n')
  return endsInNewline(running) && !endsInNewline(next)
}

/** Warns of every changed key that is read only at the start. */
export function warnOfFixed(before: Config, after: Config, logger: Logger): void {
  const known = fixedKeys(before)
  for (const [key, value] of fixedKeys(after))
    if (!isDeepStrictEqual(value, known.get(key)))
      logger.warn({ key }, 'this change takes effect at the next start')
}

function fixedKeys({ server, histogram, maxConcurrentChecks }: Config): ReadonlyMap<string, unknown> {
  const { listen, metricsPath, probes } = server
  return new Map<string, unknown>([
    ['server.listen', listen],
    ['server.probes.listen', probes.listen],
    ['server.metricsPath', metricsPath],
    ['histogram', histogram],
    ['maxConcurrentChecks', maxConcurrentChecks],
  ])
}
