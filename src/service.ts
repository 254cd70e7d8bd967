/** The wiring of the stand-alone service: sources, monitor, listeners, reload, drain. */
import type { Config } from './config/index.ts'
import { formatAddress, type ListenAddress } from './model/address.ts'
import { createMonitor, type Monitor } from './monitor.ts'
import { createServer, type Server, type WebConfig } from './server/index.ts'
import { type Changes, type ChangesOptions, loadChanges } from './service/changes.ts'
import { ConfigError, problemsOf } from './service/error.ts'
import { type Following, followFiles } from './service/follow.ts'
import { type FollowedWeb, followWebConfig, type LoadedWeb, loadWebConfig } from './service/web.ts'
import { createProcessMetrics } from './views/process.ts'
import { reloadFamilies } from './views/self.ts'

export { ConfigError } from './service/error.ts'
export { loadServiceConfig } from './service/load.ts'
export type { Source } from './service/sources.ts'

export interface ServiceOptions extends ChangesOptions {
  /** In place of the file's `server.listen`. */
  readonly listen?: readonly ListenAddress[] | undefined
  /** In place of the file's `server.metricsPath`. */
  readonly metricsPath?: string | undefined
  /** Users, headers and TLS, in the format of exporter-toolkit. Followed while the service runs. */
  readonly webConfigFile?: string | undefined
  /** Whether `/-/reload` is there. */
  readonly lifecycle?: boolean | undefined
  /** Milliseconds between two looks at the files that `...File` keys name. Default: 5,000. */
  readonly followEveryMs?: number | undefined
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

/** Requests under way get this long to end, in milliseconds. */
const closeGraceMs = 5_000
/** Kubernetes takes an endpoint away some seconds after it decided to end the pod. */
const kubernetesDelayMs = 5_000

/**
 * Loads, listens, then checks: no dependency is contacted before the listeners are up.
 *
 * @throws ConfigError, or ListenError if an address cannot be bound; nothing is left then.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { env, logger } = options
  const changes = await loadChanges(options)
  const config = changes.config()
  const web = await loadWeb(options)
  let followedWeb: FollowedWeb | undefined
  const secrets = followFiles({
    files: () => changes.config().namedFiles,
    reread: changes.rereadSecrets,
    logger,
    everyMs: options.followEveryMs,
  })
  const monitor = createMonitor({
    dependencies: changes.dependencies(),
    logger,
    maxConcurrentChecks: config.maxConcurrentChecks,
    durations: config.histogram,
  })
  await collectOwn(monitor, changes, secrets, () => followedWeb)
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
    followedWeb = followWebConfig({ file: options.webConfigFile, first: web, apply: setWeb, logger })
  monitor.start()
  secrets.start()
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
    endSources()
    const delayMs = shutdownDelayMs(changes.config(), env)
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
    reload: changes.reload,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

async function loadWeb({ webConfigFile }: ServiceOptions): Promise<LoadedWeb | undefined> {
  if (webConfigFile === undefined) return undefined
  const web = await loadWebConfig(webConfigFile)
  if (web.web === undefined) throw new ConfigError(web.problems)
  return web
}

/** Adds what only the service knows: its process and its reloads. */
async function collectOwn(
  monitor: Monitor,
  changes: Changes,
  secrets: Following,
  followedWeb: () => FollowedWeb | undefined,
): Promise<void> {
  const { families, read, prepare } = await createProcessMetrics()
  monitor.collect(families, read, prepare)
  monitor.collect(reloadFamilies, () => {
    const { failures, ...config } = changes.reloads()
    return { config, failures, unusableFiles: secrets.unusable(), web: followedWeb()?.last() }
  })
}

function reloadOutcome({ reload }: Changes) {
  return reload().then(
    () => ({ ok: true }) as const,
    error => ({ ok: false, problems: problemsOf(error) }) as const,
  )
}

/** Milliseconds between not being ready and the end of listening. */
export function shutdownDelayMs({ server }: Pick<Config, 'server'>, env: ServiceOptions['env']): number {
  return server.shutdownDelay ?? (env.KUBERNETES_SERVICE_HOST === undefined ? 0 : kubernetesDelayMs)
}

function accessOf({ server: { details, allow, hosts } }: Config) {
  return { details, allow, hosts }
}

/** Logs who sees what, in one line for each address; again only when that changed. */
function createAccessLog(
  server: Server,
  urls: readonly string[],
  logger: ServiceOptions['logger'],
): () => void {
  let logged = ''
  return () => {
    const audiences = server.audiences()
    if (JSON.stringify(audiences) === logged) return
    logged = JSON.stringify(audiences)
    for (const [i, audience] of audiences.entries())
      logger.info({ address: urls[i], ...audience }, 'who sees what')
  }
}

function urlsOf(
  bound: readonly { readonly port: number }[],
  listen: readonly ListenAddress[],
  scheme: string,
): readonly string[] {
  return listen.map(({ host = 'localhost' }, i) => {
    return `${scheme}://${formatAddress(host, bound[i]?.port ?? 0)}`
  })
}
