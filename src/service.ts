/** The wiring of the stand-alone service: config file, listeners, reload, drain. */
import {
  type Config,
  formatProblem,
  type ListenAddress,
  type LoadOptions,
  loadConfig,
} from './config/index.ts'
import type { Kind } from './model/kind.ts'
import type { Logger } from './model/logger.ts'
import { createMonitor, type Monitor } from './monitor.ts'
import { createServer, type Server } from './server/index.ts'
import { followFiles } from './service/follow.ts'
import { lacksLastNewline, suspicion } from './service/suspicion.ts'
import { type FollowedWeb, followWebConfig, loadWebConfig } from './service/web.ts'
import { overBudget, seriesBudget } from './views/budget.ts'
import { createProcessMetrics } from './views/process.ts'
import { noFailures, type ReloadFailure, reloadFamilies } from './views/reloads.ts'

export interface ServiceOptions {
  /** Without it, the environment is the configuration. */
  readonly configFile?: string
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly kinds: readonly Kind[]
  readonly logger: Logger
  /** In place of the file's `server.listen`. */
  readonly listen?: readonly ListenAddress[]
  /** In place of the file's `server.metricsPath`. */
  readonly metricsPath?: string
  /** Users, headers and TLS, in the format of exporter-toolkit. Followed while the service runs. */
  readonly webConfigFile?: string
  /** Whether `/-/reload` is there. */
  readonly lifecycle?: boolean
  /** Whether a reload may take most of the dependencies away. */
  readonly allowShrink?: boolean
  /** Waits between the two readings of a reload. Default: 500 milliseconds. */
  readonly pause?: () => Promise<void>
  /** Milliseconds between two looks at the files that `...File` keys name. Default: 5,000. */
  readonly followEveryMs?: number
}

export interface Service {
  /** Where it listens: `http://127.0.0.1:9797`, in the order of the settings. */
  readonly urls: readonly string[]
  /** The same of the addresses on which only probes are answered. */
  readonly probeUrls: readonly string[]
  readonly monitor: Monitor
  /** Loads the config anew: all of it takes effect, or nothing does. Calls while one runs share one more. */
  reload(): Promise<void>
  /** Not ready at once; after the shutdown delay, closed. Alive until the end. */
  stop(): Promise<void>
}

/** The config is wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** One line each, with its place. */
  readonly problems: readonly string[]
  readonly failure: ReloadFailure

  constructor(problems: readonly string[], failure: ReloadFailure = 'invalid') {
    super(problems.join('\n'))
    this.problems = problems
    this.failure = failure
  }
}

/** Requests under way get this long to end, in milliseconds. */
const closeGraceMs = 5_000
/** Two readings of a config file that agree, so far apart, make it whole, in milliseconds. */
const settleMs = 500
/** Kubernetes takes an endpoint away some seconds after it decided to end the pod. */
const kubernetesDelayMs = 5_000

/**
 * Loads, listens, then checks: nothing is asked before the listeners are up.
 *
 * @throws ConfigError, or ListenError if an address cannot be bound; nothing is left then.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { env, logger } = options
  let config = await loadServiceConfig(options)
  const { webConfigFile } = options
  const web = webConfigFile === undefined ? undefined : await loadWebConfig(webConfigFile)
  if (web !== undefined && web.web === undefined) throw new ConfigError(web.problems)
  let followedWeb: FollowedWeb | undefined
  let lastReload = { successful: true, successAt: Date.now(), failures: noFailures }
  const pause = options.pause ?? (() => new Promise(resolve => setTimeout(resolve, settleMs)))
  const alone = oneAtATime()

  const reload = coalesced(() =>
    alone(async () => {
      try {
        const next = await loadServiceConfig(options, { pause })
        if (options.allowShrink !== true) refuseSuspicious(config, next, options)
        warnOfFixed(config, next, logger)
        if (lacksLastNewline(config, next))
          logger.warn({}, 'the config has no newline at its end any more; check that it is complete')
        await monitor.apply(next.dependencies)
        server.setAccess(accessOf(next))
        config = next
        tellAccess()
        lastReload = { ...lastReload, successful: true, successAt: Date.now() }
        logger.info({ dependencies: next.dependencies.length }, 'config reloaded')
      } catch (error) {
        const cause = error instanceof ConfigError ? error.failure : 'invalid'
        const failures = { ...lastReload.failures, [cause]: lastReload.failures[cause] + 1 }
        lastReload = { ...lastReload, successful: false, failures }
        for (const problem of problemsOf(error))
          logger.error({ problem }, 'config not reloaded, the running one stays')
        throw error
      }
    }),
  )
  /** The config that runs, whatever its file holds by now, with the secrets that their files hold now. */
  const rereadSecrets = () =>
    alone(async () => {
      try {
        const next = await loadServiceConfig(options, { again: config })
        await monitor.apply(next.dependencies)
        config = next
        logger.info({ files: next.namedFiles.length }, 'secret files read again')
      } catch (error) {
        for (const problem of problemsOf(error)) logger.warn({ problem }, 'secret files not taken over')
        throw error
      }
    })
  const following = followFiles({
    files: () => config.namedFiles,
    reread: rereadSecrets,
    logger,
    ...(options.followEveryMs !== undefined && { everyMs: options.followEveryMs }),
  })
  const outcome = () =>
    reload().then(
      () => ({ ok: true }) as const,
      error => ({ ok: false, problems: problemsOf(error) }) as const,
    )
  const monitor = createMonitor({
    dependencies: config.dependencies,
    logger,
    maxConcurrentChecks: config.maxConcurrentChecks,
    durations: config.histogram,
  })
  const { families, read, prepare } = await createProcessMetrics()
  monitor.collect(families, read, prepare)
  monitor.collect(reloadFamilies, () => ({
    config: lastReload,
    failures: lastReload.failures,
    unusableFiles: following.unusable(),
    web: followedWeb?.last(),
  }))
  const listen = options.listen ?? config.server.listen
  const server = createServer(monitor, {
    ...accessOf(config),
    listen,
    probesListen: config.server.probes.listen,
    metricsPath: options.metricsPath ?? config.server.metricsPath,
    config: () => config.printable,
    reload: options.lifecycle === true ? outcome : undefined,
    ...(web?.web !== undefined && { web: web.web }),
  })
  const scheme = web?.web?.tls === undefined ? 'http' : 'https'
  const bound = await server.start()
  const urls = urlsOf(bound, listen, scheme)
  const probeUrls = urlsOf(bound.slice(listen.length), config.server.probes.listen, 'http')
  const tellAccess = accessTeller(server, urls, logger)
  tellAccess()
  if (webConfigFile !== undefined && web !== undefined) {
    const apply: typeof server.setWeb = web => {
      server.setWeb(web)
      tellAccess()
    }
    followedWeb = followWebConfig({ file: webConfigFile, first: web, apply, logger })
  }
  monitor.start()
  following.start()

  let stopping: Promise<void> | undefined
  const stop = async () => {
    monitor.drain()
    following.stop()
    const delayMs = shutdownDelayMs(config, env)
    if (delayMs > 0) logger.info({ delayMs }, 'not ready any more, draining')
    await new Promise(resolve => setTimeout(resolve, delayMs))
    followedWeb?.stop()
    await server.close(closeGraceMs)
    await monitor.stop()
  }
  return {
    urls,
    probeUrls,
    monitor,
    reload,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Milliseconds between not being ready and the end of listening. */
export function shutdownDelayMs({ server }: Pick<Config, 'server'>, env: ServiceOptions['env']): number {
  return server.shutdownDelay ?? (env.KUBERNETES_SERVICE_HOST === undefined ? 0 : kubernetesDelayMs)
}

/**
 * The config as it stands in the file or the environment now, within its series budget.
 *
 * @param reading how a running service reads it; see `LoadOptions`.
 * @throws ConfigError
 */
export async function loadServiceConfig(
  { configFile, env, kinds }: Pick<ServiceOptions, 'configFile' | 'env' | 'kinds'>,
  reading: Pick<LoadOptions, 'pause' | 'again'> = {},
): Promise<Config> {
  const file = configFile === undefined ? {} : { file: configFile }
  const loaded = await loadConfig({ ...file, ...reading, env, kinds })
  if (!loaded.ok) throw new ConfigError(loaded.problems.map(formatProblem))
  const { dependencies, histogram, server } = loaded.config
  const shown = dependencies.map(({ dependency }) => dependency)
  const tooMany = overBudget(seriesBudget(shown, histogram), server.maxSeries)
  if (tooMany !== undefined)
    throw new ConfigError([`${configFile ?? 'environment'}: server.maxSeries: ${tooMany}`])
  return loaded.config
}

/** @throws ConfigError */
function refuseSuspicious(running: Config, next: Config, { configFile }: ServiceOptions): void {
  const why = suspicion(running, next)
  if (why === undefined) return
  const hint = 'start with --config.allow-shrink, or restart, if that is meant'
  throw new ConfigError([`${configFile ?? 'environment'}: ${why}; ${hint}`], 'truncated')
}

function accessOf({ server: { details, allow, hosts } }: Config) {
  return { details, ...(allow !== undefined && { allow }), ...(hosts !== undefined && { hosts }) }
}

/** Logs who sees what, in one line for each address; again only when that changed. */
function accessTeller(server: Server, urls: readonly string[], logger: Logger): () => void {
  let told = ''
  return () => {
    const audiences = server.audiences()
    if (JSON.stringify(audiences) === told) return
    told = JSON.stringify(audiences)
    for (const [i, audience] of audiences.entries())
      logger.info({ address: urls[i], ...audience }, 'who sees what')
  }
}

/** What is fixed when the process starts, and was changed all the same. */
function warnOfFixed(before: Config, after: Config, logger: Logger): void {
  const fixed = (config: Config) => {
    const { listen, metricsPath, probes } = config.server
    return {
      'server.listen': listen,
      'server.probes.listen': probes.listen,
      'server.metricsPath': metricsPath,
      histogram: config.histogram,
      maxConcurrentChecks: config.maxConcurrentChecks,
    }
  }
  const now = Object.entries(fixed(after))
  const changed = now.filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(Object(fixed(before))[key]),
  )
  for (const [key] of changed) logger.warn({ key }, 'this change takes effect at the next start')
}

function problemsOf(error: unknown): readonly string[] {
  return error instanceof ConfigError
    ? error.problems
    : [error instanceof Error ? error.message : String(error)]
}

function urlsOf(
  bound: readonly { readonly port: number }[],
  listen: readonly ListenAddress[],
  scheme: string,
): readonly string[] {
  return listen.map(({ host = 'localhost' }, i) => {
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound[i]?.port}`
  })
}

/** Runs one piece of work after the other. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const next = last.then(work)
    last = next.catch(() => {})
    return next
  }
}

/** At most one run at a time and one waiting; whoever calls meanwhile shares the one that waits. */
function coalesced(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined
  const start = () => {
    waiting = undefined
    running = run().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    waiting ??= running.then(start, start)
    return waiting
  }
}
