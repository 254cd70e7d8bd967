/** The stand-alone service: sources, monitor, listeners, reload and drain, wired together. */
import type { Config } from './config/load.ts'
import type { ListenAddress } from './model/notation.ts'
import type { Monitor } from './monitor/interface.ts'
import { createMonitor } from './monitor.ts'
import type { WebConfig } from './server/access/webfile.ts'
import { createServer } from './server/server.ts'
import { createAccessLog, urlsOf } from './service/addresses.ts'
import { type Changes, type ChangesOptions, loadChanges } from './service/changes.ts'
import { type Following, followFiles } from './service/follow.ts'
import { problemsOf } from './service/sources.ts'
import { type FollowedWeb, followWebConfig, requireWebConfig } from './service/web.ts'
import { createProcessMetrics, type Reloads, reloadFamilies } from './views/service.ts'

export interface ServiceOptions extends ChangesOptions {
  /** Replaces `server.listen`. */
  readonly listen?: readonly ListenAddress[] | undefined
  /** Replaces `server.metricsPath`. */
  readonly metricsPath?: string | undefined
  /** The file with users, headers and TLS, in the format of exporter-toolkit. Followed while the service runs. */
  readonly webConfigFile?: string | undefined
  /** Whether to serve `/-/reload`. */
  readonly lifecycle?: boolean | undefined
  /** Whether to reload when the config file changes. Default: under Kubernetes. */
  readonly watch?: boolean | undefined
  /** Time between two looks at each of the files that are followed, in milliseconds. Default 5,000. */
  readonly followEveryMs?: number | undefined
}

export interface Service {
  /** Where it listens, such as `http://127.0.0.1:9797`, in the order of the settings. */
  readonly urls: readonly string[]
  /** Where it answers probes only. */
  readonly probeUrls: readonly string[]
  readonly monitor: Monitor
  /** Loads the config again; it takes effect as a whole, or not at all. Calls during a reload share one more. */
  reload(): Promise<void>
  /** Makes it not ready at once, and closes it after the shutdown delay. Liveness stays 200 until then. */
  stop(): Promise<void>
}

/** Time for requests in progress to finish, in milliseconds. */
const closeGraceMs = 5_000
/** Kubernetes removes an endpoint some seconds after it has decided to stop the pod. */
const kubernetesDelayMs = 5_000

/**
 * Loads the config, listens, then checks: no dependency is contacted before the listeners are up.
 *
 * @throws ConfigError, or ListenError if an address cannot be bound; then nothing is left running.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { env, logger } = options
  const changes = await loadChanges(options)
  const config = changes.config()
  const web = options.webConfigFile === undefined ? undefined : await requireWebConfig(options.webConfigFile)
  let followedWeb: FollowedWeb | undefined
  const secrets = followFiles({
    files: () => changes.config().namedFiles,
    reread: changes.rereadSecrets,
    refused: file =>
      logger.warn({ file }, 'the changed secret file is not usable; its last good content stays in use'),
    everyMs: options.followEveryMs,
  })
  const watch = followFiles({
    files: changes.awaited,
    reread: changes.reload,
    refused: file =>
      logger.warn({ file }, 'the changed file is not usable; the running config stays in force'),
    everyMs: options.followEveryMs,
  })
  const monitor = createMonitor({
    dependencies: changes.dependencies(),
    logger,
    maxConcurrentChecks: config.maxConcurrentChecks,
    durations: config.histogram,
  })
  await collectOwn(monitor, changes, secrets, () => ({ web: followedWeb?.last(), shard: options.shard }))
  const listen = options.listen ?? config.server.listen
  const server = createServer(monitor, {
    ...accessOf(config),
    listen,
    probesListen: config.server.probes.listen,
    metricsPath: options.metricsPath ?? config.server.metricsPath,
    config: () => changes.config().printable,
    reload: options.lifecycle === true ? () => reloadOutcome(changes) : undefined,
    web: web?.web,
  })
  const bound = await server.start()
  const urls = urlsOf(bound, listen, web?.web?.tls === undefined ? 'http' : 'https')
  const probeUrls = urlsOf(bound.slice(listen.length), config.server.probes.listen, 'http')
  const logAccess = createAccessLog(server, urls, logger)
  logAccess()
  const setWeb = (web: WebConfig) => {
    server.setWeb(web)
    logAccess()
  }
  if (options.webConfigFile !== undefined && web !== undefined)
    followedWeb = followWebConfig({
      file: options.webConfigFile,
      first: web,
      apply: setWeb,
      logger,
      everyMs: options.followEveryMs,
    })
  monitor.start()
  secrets.start()
  if (isWatched(options)) watch.start()
  const endSources = changes.follow({
    dependencies: monitor.apply,
    config(next) {
      server.setAccess(accessOf(next))
      logAccess()
    },
  })

  let stopping: Promise<void> | undefined
  async function stop(): Promise<void> {
    monitor.drain()
    secrets.stop()
    watch.stop()
    endSources()
    const delayMs = shutdownDelayMs(changes.config(), env)
    if (delayMs > 0) logger.info({ delayMs }, 'no longer ready, draining')
    await new Promise(resolve => setTimeout(resolve, delayMs))
    followedWeb?.stop()
    await server.close(closeGraceMs)
    await monitor.stop()
  }
  return {
    urls,
    probeUrls,
    monitor,
    reload: changes.reload,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Adds the metrics that only the service has: of its process, its reloads and its share. */
async function collectOwn(
  monitor: Monitor,
  changes: Changes,
  secrets: Following,
  rest: () => Pick<Reloads, 'web' | 'shard'>,
): Promise<void> {
  const { families, read, prepare } = await createProcessMetrics()
  monitor.collect(families, read, prepare)
  monitor.collect(reloadFamilies, () => {
    const { failures, ...config } = changes.reloads()
    return { config, failures, unusableFiles: secrets.unusable(), ...rest() }
  })
}

function reloadOutcome({ reload }: Changes) {
  return reload().then(
    () => ({ ok: true }) as const,
    error => ({ ok: false, problems: problemsOf(error) }) as const,
  )
}

/** Time from the first failing readiness probe to the end of listening, in milliseconds. */
export function shutdownDelayMs({ server }: Pick<Config, 'server'>, env: ServiceOptions['env']): number {
  return server.shutdownDelay ?? (isInKubernetes(env) ? kubernetesDelayMs : 0)
}

/** Whether a change of the config file is a reload. */
export function isWatched({ watch, env }: Pick<ServiceOptions, 'watch' | 'env'>): boolean {
  return watch ?? isInKubernetes(env)
}

function isInKubernetes(env: ServiceOptions['env']): boolean {
  return env.KUBERNETES_SERVICE_HOST !== undefined
}

function accessOf({ server: { details, allow, hosts } }: Config) {
  return { details, allow, hosts }
}
