/** The config of the service: loaded, held to its bounds, and compared with the one that runs. */
import { isDeepStrictEqual } from 'node:util'
import { type Config, formatProblem, type LoadOptions, loadConfig } from '../config/index.ts'
import type { Logger } from '../model/logger.ts'
import { ConfigError } from './error.ts'
import { type Bounds, mergeSources } from './sources.ts'
import { findSuspicion } from './suspicion.ts'

/** Where the config is. */
export interface ConfigPlace {
  /** Without it, the environment is the configuration. */
  readonly configFile?: string | undefined
  readonly env: LoadOptions['env']
  readonly kinds: LoadOptions['kinds']
}

/** The source that a config is, as messages name it. */
export function nameOf({ configFile = 'environment' }: Pick<ConfigPlace, 'configFile'>): string {
  return configFile
}

export function boundsOf({ histogram, server: { maxSeries } }: Config): Bounds {
  return { histogram, maxSeries }
}

/**
 * The config as its file or the environment has it now, within its own bounds.
 *
 * @param reading how a running service reads it; see `LoadOptions`.
 * @throws ConfigError
 */
export async function loadServiceConfig(
  place: ConfigPlace,
  reading: Pick<LoadOptions, 'pause' | 'again'> = {},
): Promise<Config> {
  const { configFile: file, env, kinds } = place
  const loaded = await loadConfig({ ...reading, file, env, kinds })
  if (!loaded.ok) throw new ConfigError(loaded.problems.map(formatProblem))
  mergeSources(new Map([[nameOf(place), loaded.config.dependencies]]), boundsOf(loaded.config))
  return loaded.config
}

/** @throws ConfigError if the next config looks like a part of one. */
export function refuseSuspicious(running: Config, next: Config, place: ConfigPlace): void {
  const why = findSuspicion(running, next)
  if (why === undefined) return
  const hint = 'start with --config.allow-shrink, or restart, if that is meant'
  throw new ConfigError([`${nameOf(place)}: ${why}; ${hint}`], 'truncated')
}

/** Names every key that has changed although it is fixed when the process starts. */
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
