/** All routes as one Fastify plugin, for the service's own server and for an application that embeds a monitor. */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { isProbePath, isTaken, paths } from '../../model/http.ts'
import { type Access, createAccess } from '../access/rules.ts'
import { plainAnswer, send } from '../http/answer.ts'
import type { AccessRules, Endpoint, EndpointOptions } from '../options.ts'
import {
  createTransport,
  type Monitored,
  type ReloadOutcome,
  type RouteContext,
  type Transport,
} from './context.ts'
import { configRoute, healthRoute, metricsRoute, reloadRoute } from './details.ts'
import { pageRoutes } from './page.ts'
import { probeRoutes } from './probes.ts'

export interface RoutesOptions {
  /** Who may see what is not a probe: fixed rules, or an `Access`, whose rules can be replaced. Default: `{}`. */
  readonly access?: AccessRules | Access | undefined
  /** Returns the running config with its secrets hidden. Without it, there is no `/config`. */
  readonly config?: (() => unknown) | undefined
  /** Reloads the config. Without it, there is no `/-/reload`. */
  readonly reload?: (() => Promise<ReloadOutcome>) | undefined
  /** A path that no other route has. Default: `/metrics`. */
  readonly metricsPath?: string | undefined
  /** Serve these alone. Default: all. */
  readonly only?: readonly Endpoint[] | undefined
  /** What our own server shares with its routes. Default: one that suits the server of an application. */
  readonly transport?: Transport | undefined
}

/**
 * The routes of a monitor: `app.register(routes(monitor), { prefix: '/internal' })`. Hooks, parsers and the error handler
 * stay inside the plugin. Access is decided by `request.ip`, so the application's `trustProxy` applies.
 *
 * @throws TypeError for an entry of `access.allow` or `access.hosts` that is not valid.
 */
export function routes(monitor: Monitored, options: RoutesOptions = {}): FastifyPluginAsync {
  const { config, reload, metricsPath = '/metrics' } = options
  const { transport = createTransport(monitor), only } = options
  const serves = (endpoint: Endpoint) => only?.includes(endpoint) ?? true
  const access = toAccess(options.access)
  const context: RouteContext = { monitor, access, transport }
  return async app => {
    refuseBodies(app)
    answerErrors(app, monitor)
    // Open streams would keep the server from closing.
    app.addHook('preClose', async () => transport.feed.close())
    app.addHook('onClose', access.close)
    if (serves('probes')) probeRoutes(app, transport.probes)
    if (serves('metrics')) metricsRoute(app, context, metricsPath)
    if (serves('health')) healthRoute(app, context)
    if (config !== undefined) configRoute(app, context, config)
    if (reload !== undefined) reloadRoute(app, context, reload)
    if (metricsPath === paths.page || !serves('page')) return
    const links = [
      ...(serves('health') ? [[paths.health, 'Health as JSON'] as const] : []),
      ...(serves('metrics') ? [[metricsPath, 'Metrics'] as const] : []),
      ...(serves('probes') ? [['/readyz?verbose', 'Readiness'] as const] : []),
      ...(config === undefined ? [] : [[paths.config, 'Configuration'] as const]),
    ] as const
    pageRoutes(app, context, links)
  }
}

/** Whether a path without a query is that of an endpoint which is served. */
export function servesPath(path: string, { only, metricsPath = '/metrics' }: EndpointOptions): boolean {
  const serves = (endpoint: Endpoint) => only?.includes(endpoint) ?? true
  if (path === metricsPath) return serves('metrics')
  if (isProbePath(path)) return serves('probes')
  if (path === paths.health) return serves('health')
  return isTaken(path) && path !== paths.config && path !== paths.reload && serves('page')
}

function toAccess(access: AccessRules | Access = {}): Access {
  return 'guard' in access ? access : createAccess(access, 'access')
}

/** No route takes a body, so none is read, whatever its type. */
export function refuseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

/** Answers an error with its status and nothing else. Our own faults are logged; a disconnected client is none. */
export function answerErrors(app: FastifyInstance, { logger }: Pick<Monitored, 'logger'>): void {
  app.setErrorHandler((error: { readonly statusCode?: number }, _request, reply) => {
    if (reply.raw.destroyed) return reply.hijack()
    const { statusCode = 500 } = error
    if (statusCode >= 400 && statusCode < 500) return send(reply, plainAnswer(statusCode))
    logger.warn({ err: error }, 'a request failed')
    return send(reply, plainAnswer(500))
  })
}
