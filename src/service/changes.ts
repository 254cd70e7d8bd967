/** Changes of the running service, one at a time: each takes effect as a whole, or not at all. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import type { Stamped } from '../config/twins.ts'
import type { DependencyDefinition } from '../model/dependency.ts'
import type { Logger } from '../model/logger.ts'
import { coalesce, createSequence } from '../model/turns.ts'
import { noFailures, type Reload, type Reloads } from '../views/service.ts'
import {
  boundsOf,
  type ConfigPlace,
  lacksLastNewline,
  loadServiceConfig,
  nameOf,
  refuseCut,
  warnOfFixed,
} from './load.ts'
import { ConfigError, type Lists, mergeSources, problemsOf, refuseShrink, type Source } from './sources.ts'

export interface ChangesOptions extends ConfigPlace {
  readonly logger: Logger
  /** Sources beside the config. */
  readonly sources?: readonly Source[] | undefined
  /** Whether a change may remove most of a source's dependencies. */
  readonly allowShrink?: boolean | undefined
  /** Waits between the two readings of a reload. Default: for 500 milliseconds. */
  readonly pause?: (() => Promise<void>) | undefined
}

export interface Changes {
  /** The running one. */
  config(): Config
  /** The running ones, of all sources. */
  dependencies(): readonly DependencyDefinition[]
  /** The outcome of the reloads so far. */
  reloads(): Reload & Pick<Reloads, 'failures'>
  /** Loads the config again. Calls during a reload share one more. Rejects if the config is refused. */
  reload(): Promise<void>
  /** The config file in force as it was read, and the files that a refused one names: a change of any is worth a reload. */
  awaited(): readonly Stamped[]
  /** Reads the secret files that the running config names again; the config file itself is not read. */
  rereadSecrets(): Promise<void>
  /**
   * Starts to follow the sources.
   *
   * @param applied gets the merged dependencies of every change, and then the config that is in force.
   * @returns a function that stops following.
   */
  follow(applied: Applied): () => void
}

export interface Applied {
  dependencies(dependencies: readonly DependencyDefinition[]): Promise<void>
  config(config: Config): void
}

/** A config file is complete when two readings this far apart agree, in milliseconds. */
const settleMs = 500

/**
 * Loads the config and reads all sources for the first time.
 *
 * @throws ConfigError
 */
export async function loadChanges(options: ChangesOptions): Promise<Changes> {
  const { logger, sources = [], pause = () => sleep(settleMs) } = options
  const alone = createSequence()
  let config = await loadServiceConfig(options)
  let lists: Lists = new Map([[nameOf(options), config.dependencies], ...(await readAll(sources))])
  let merged = await mergeSources(lists, boundsOf(config, options))
  let last: ReturnType<Changes['reloads']> = {
    successful: true,
    successAt: Date.now(),
    failures: noFailures,
  }
  /** Files that the last refused config names, such as a secret that is not mounted yet. */
  let missed: readonly Stamped[] = []
  let applied: Applied = { dependencies: async () => {}, config: () => {} }

  /** Puts the dependencies of a source in force, with a new config if the source is the config; throws if that is refused. */
  async function take(
    source: string,
    dependencies: readonly DependencyDefinition[],
    next: Config = config,
  ): Promise<void> {
    if (options.allowShrink !== true) refuseShrink(source, lists.get(source) ?? [], dependencies)
    const proposed = new Map(lists).set(source, dependencies)
    const whole = await mergeSources(proposed, boundsOf(next, options))
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
    missed = error instanceof ConfigError ? error.named : []
  }

  async function reloadConfig(): Promise<void> {
    const next = await loadServiceConfig(options, { pause })
    if (options.allowShrink !== true) refuseCut(config, next, options)
    const before = config
    await take(nameOf(options), next.dependencies, next)
    warnOfFixed(before, next, logger)
    if (lacksLastNewline(before, next))
      logger.warn({}, 'the config no longer ends in a newline; check that it is complete')
    last = { ...last, successful: true, successAt: Date.now() }
    missed = []
    logger.info({ dependencies: merged.length }, 'config reloaded')
  }

  async function rereadSecrets(): Promise<void> {
    const next = await loadServiceConfig(options, { again: config })
    await take(nameOf(options), next.dependencies, next)
    logger.info({ files: next.namedFiles.length }, 'secret files read again')
  }

  async function readSource(source: Source): Promise<void> {
    await take(source.name, await source.read())
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
  const logRefused = log('error', 'config not reloaded, the running one stays in force')
  const reload = attempt(reloadConfig, error => {
    count(error)
    logRefused(error)
  })

  return {
    config: () => config,
    dependencies: () => merged,
    reloads: () => last,
    reload: coalesce(reload),
    awaited: () => (config.source === undefined ? [] : [config.source, ...missed]),
    rereadSecrets: attempt(rereadSecrets, log('warn', 'secret files not applied')),
    follow(next) {
      applied = next
      const ends = sources.map(source => {
        const { name } = source
        const refused = log('error', 'change of a source refused, its dependencies stay in force', {
          source: name,
        })
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
