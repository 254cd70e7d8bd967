/** What changes while the service runs. One change at a time; all of it takes effect, or nothing does. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/index.ts'
import type { DependencyDefinition } from '../model/definition.ts'
import type { Logger } from '../model/logger.ts'
import { coalesce, createSequence } from '../model/sequence.ts'
import { noFailures, type Reload, type Reloads } from '../views/self.ts'
import { ConfigError, problemsOf } from './error.ts'
import {
  boundsOf,
  type ConfigPlace,
  loadServiceConfig,
  nameOf,
  refuseSuspicious,
  warnOfFixed,
} from './load.ts'
import { type Lists, mergeSources, type Source } from './sources.ts'
import { lacksLastNewline } from './suspicion.ts'

export interface ChangesOptions extends ConfigPlace {
  readonly logger: Logger
  /** Sources beside the config. */
  readonly sources?: readonly Source[] | undefined
  /** Whether a reload may remove most of the dependencies. */
  readonly allowShrink?: boolean | undefined
  /** Waits between the two readings of a reload. Default: 500 milliseconds. */
  readonly pause?: (() => Promise<void>) | undefined
}

export interface Changes {
  /** The one that runs. */
  config(): Config
  /** Those of all sources, as they run. */
  dependencies(): readonly DependencyDefinition[]
  /** How the reloads have gone. */
  reloads(): Reload & Pick<Reloads, 'failures'>
  /** Loads the config anew. Calls while one runs share one more. Rejects with what was refused. */
  reload(): Promise<void>
  /** Keeps the config, whatever its file holds by now, and reads the secret files that it names again. */
  rereadSecrets(): Promise<void>
  /**
   * Follows the sources, and reports every change from then on.
   *
   * @param applied gets the merged dependencies, and then the config that has taken effect.
   * @returns what ends it.
   */
  follow(applied: Applied): () => void
}

export interface Applied {
  dependencies(dependencies: readonly DependencyDefinition[]): Promise<void>
  config(config: Config): void
}

/** Two readings of a config file that agree, so far apart, make it whole, in milliseconds. */
const settleMs = 500

/**
 * Loads the config and all sources for the first time.
 *
 * @throws ConfigError
 */
export async function loadChanges(options: ChangesOptions): Promise<Changes> {
  const { logger, sources = [], pause = () => sleep(settleMs) } = options
  const alone = createSequence()
  let config = await loadServiceConfig(options)
  let lists: Lists = new Map([[nameOf(options), config.dependencies], ...(await readAll(sources))])
  let merged = mergeSources(lists, boundsOf(config))
  let last: ReturnType<Changes['reloads']> = {
    successful: true,
    successAt: Date.now(),
    failures: noFailures,
  }
  let applied: Applied = { dependencies: async () => {}, config: () => {} }

  /** What the source gave before stays in force if the whole is refused. */
  async function take(
    source: string,
    dependencies: readonly DependencyDefinition[],
    next: Config,
  ): Promise<void> {
    const proposed = new Map(lists).set(source, dependencies)
    const whole = mergeSources(proposed, boundsOf(next))
    await applied.dependencies(whole)
    applied.config(next)
    lists = proposed
    merged = whole
    config = next
  }

  function count(error: unknown): void {
    const cause = error instanceof ConfigError ? error.failure : 'invalid'
    const failures = { ...last.failures, [cause]: last.failures[cause] + 1 }
    last = { ...last, successful: false, failures }
  }

  async function reloadConfig(): Promise<void> {
    const next = await loadServiceConfig(options, { pause })
    if (options.allowShrink !== true) refuseSuspicious(config, next, options)
    warnOfFixed(config, next, logger)
    if (lacksLastNewline(config, next))
      logger.warn({}, 'the config no longer ends in a newline; check that it is complete')
    await take(nameOf(options), next.dependencies, next)
    last = { ...last, successful: true, successAt: Date.now() }
    logger.info({ dependencies: merged.length }, 'config reloaded')
  }

  async function rereadSecrets(): Promise<void> {
    const next = await loadServiceConfig(options, { again: config })
    await take(nameOf(options), next.dependencies, next)
    logger.info({ files: next.namedFiles.length }, 'secret files read again')
  }

  async function readSource(source: Source): Promise<void> {
    await take(source.name, await source.read(), config)
    logger.info({ source: source.name, dependencies: merged.length }, 'dependencies changed')
  }

  /** Logs every problem before it passes the error on. */
  const attempt = (change: () => Promise<void>, refuse: (error: unknown) => void) => () =>
    alone(change).catch(error => {
      refuse(error)
      throw error
    })
  const log = (level: 'warn' | 'error', message: string, fields = {}) => {
    return (error: unknown) => {
      for (const problem of problemsOf(error)) logger[level]({ ...fields, problem }, message)
    }
  }
  const logRefused = log('error', 'config not reloaded, the running one stays')
  const reload = attempt(reloadConfig, error => {
    count(error)
    logRefused(error)
  })

  return {
    config: () => config,
    dependencies: () => merged,
    reloads: () => last,
    reload: coalesce(reload),
    rereadSecrets: attempt(rereadSecrets, log('warn', 'secret files not taken over')),
    follow(next) {
      applied = next
      const ends = sources.map(source => {
        const { name } = source
        const refused = log('error', 'change of a source refused, its dependencies stay', { source: name })
        const change = coalesce(
          attempt(
            () => readSource(source),
            error => {
              count(error)
              refused(error)
            },
          ),
        )
        return source.follow(() => void change().catch(() => {}))
      })
      return () => {
        for (const end of ends) end()
      }
    },
  }
}

async function readAll(sources: readonly Source[]): Promise<Lists> {
  const lists = new Map<string, readonly DependencyDefinition[]>()
  for (const source of sources) lists.set(source.name, await source.read())
  return lists
}
