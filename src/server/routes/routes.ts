/** All routes as one Fastify plugin, for the service's own server and for an application that embeds a monitor. */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { paths } from '../../model/http.ts'
import { type Access, type AccessRules, createAccess } from '../access/rules.ts'
import { plainAnswer, send } from '../http/answer.ts'
import {
  createDeliveries,
  type Deliveries,
  type DeliveryLimits,
  defaultDeliveryLimits,
  reset,
} from '../http/deliveries.ts'
import type { Monitored, ReloadOutcome } from '../monitored.ts'
import { createFeed, type Feed, feedTimes } from '../page/feed.ts'
import { detailRoutes } from './details.ts'
import { lifecycleRoutes } from './lifecycle.ts'
import { metricsRoute } from './metrics.ts'
import { pageRoutes } from './page.ts'
import { createProbeAnswers, type ProbeAnswers, probeRoutes } from './probes.ts'

export interface RoutesOptions {
  /** Who may see what is not a probe: rules, or access whose rules are replaced while requests come in. Default: `{}`. */
  readonly access?: AccessRules | Access | undefined
  /** Returns the running config with its secrets hidden. Without it, there is no `/config`. */
  readonly config?: (() => unknown) | undefined
  /** Reloads the config. Without it, there is no `/-/reload`. */
  readonly reload?: (() => Promise<ReloadOutcome>) | undefined
  /** A path that no other route has. Default: `/metrics`. */
  readonly metricsPath?: string | undefined
  /** What a listener of our own shares with its routes. Default: made for the server of an application. */
  readonly transport?: Transport | undefined
}

/** The ways in which answers reach clients. */
export interface Transport {
  readonly probes: ProbeAnswers
  readonly feed: Feed
  readonly deliveries: Deliveries
}

/**
 * The routes of a monitor: `app.register(routes(monitor), { prefix: '/internal' })`. Hooks, parsers and the error handler
 * stay inside the plugin. A client is judged by `request.ip`, so `trustProxy` of the application applies.
 *
 * @throws TypeError for an entry of `access.allow` or `access.hosts` that is not valid.
 */
export function routes(monitor: Monitored, options: RoutesOptions = {}): FastifyPluginAsync {
  const { config, reload, metricsPath = '/metrics' } = options
  const { transport: { probes, feed, deliveries } = createTransport(monitor) } = options
  const access = toAccess(options.access)
  return async app => {
    refuseBodies(app)
    answerErrors(app, monitor)
    // The streams of the feed would keep the server open.
    app.addHook('preClose', async () => feed.close())
    app.addHook('onClose', access.close)
    probeRoutes(app, probes)
    metricsRoute(app, metricsPath, { monitor, access, deliveries })
    detailRoutes(app, { monitor, config, access, deliveries })
    if (reload !== undefined) lifecycleRoutes(app, reload, access)
    if (metricsPath === paths.page) return
    const links = [
      [paths.health, 'Health as JSON'],
      [metricsPath, 'Metrics'],
      ['/readyz?verbose', 'Readiness'],
      ...(config === undefined ? [] : [[paths.config, 'Configuration'] as const]),
    ] as const
    pageRoutes(app, { board: monitor.board, feed, access, deliveries, links })
  }
}

/**
 * @param limits of large answers.
 * @param cut ends the connection of a response at once. Default: by a reset where that is possible.
 */
export function createTransport(
  { probes, board }: Monitored,
  limits: DeliveryLimits = defaultDeliveryLimits,
  cut: (response: ServerResponse) => void = reset,
): Transport {
  return {
    probes: createProbeAnswers(probes),
    feed: createFeed(board, feedTimes, cut),
    deliveries: createDeliveries(limits, cut),
  }
}

function toAccess(access: AccessRules | Access = {}): Access {
  return 'guard' in access ? access : createAccess(access)
}

/** No route takes a body, so none is read, whatever the request says. */
export function refuseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

/** The answer to an error is its status and nothing else. Our own faults are logged; a client that left is not a fault. */
export function answerErrors(app: FastifyInstance, { logger }: Pick<Monitored, 'logger'>): void {
  app.setErrorHandler((error: { readonly statusCode?: number }, _request, reply) => {
    if (reply.raw.destroyed) return reply.hijack()
    const { statusCode = 500 } = error
    if (statusCode >= 400 && statusCode < 500) return send(reply, plainAnswer(statusCode))
    logger.warn({ err: error }, 'a request failed')
    return send(reply, plainAnswer(500))
  })
}
