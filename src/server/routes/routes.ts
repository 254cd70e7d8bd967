/** All routes as one Fastify plugin: the service's own server registers it, and so may an embedding application. */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { type Access, type AccessRules, createAccess } from '../access/rules.ts'
import { plainAnswer, send } from '../http/answer.ts'
import { createDeliveries, type Deliveries, defaultDeliveryLimits, reset } from '../http/deliveries.ts'
import { silent } from '../logger.ts'
import { createFeed, type Feed } from '../page/feed.ts'
import type { Sources } from '../sources.ts'
import { detailRoutes } from './details.ts'
import { lifecycleRoutes } from './lifecycle.ts'
import { metricsRoute } from './metrics.ts'
import { pageRoutes } from './page.ts'
import { probeRoutes } from './probes.ts'

/**
 * The routes for an application's own Fastify: `app.register(routes(sources), { prefix: '/health' })`. Hooks, parsers
 * and the error handler stay inside. An address is judged by `request.ip`, so it heeds the application's `trustProxy`.
 *
 * @param rules who may see what is not a probe; see `AccessRules`.
 * @param metricsPath one that no other route has. Default: `/metrics`.
 * @throws TypeError for an entry of `allow` that is no address.
 */
export function routes(
  sources: Sources,
  rules: AccessRules = {},
  metricsPath = '/metrics',
): FastifyPluginAsync {
  return guardedRoutes(sources, {
    access: createAccess(rules),
    metricsPath,
    feed: createFeed(sources.board),
    deliveries: createDeliveries(defaultDeliveryLimits, reset),
  })
}

/** What stands between the routes and their clients. */
export interface Guarding {
  readonly access: Access
  readonly metricsPath: string
  readonly feed: Feed
  readonly deliveries: Deliveries
}

/**
 * The routes with rules that somebody else may replace. Closes `access` with the application, and `feed` before it: its
 * streams would hold the application's server open.
 */
export function guardedRoutes(
  sources: Sources,
  { access, metricsPath, feed, deliveries }: Guarding,
): FastifyPluginAsync {
  return async app => {
    refuseBodies(app)
    answerErrors(app, sources)
    app.addHook('preClose', async () => feed.close())
    app.addHook('onClose', access.close)
    probeRoutes(app, sources.probes)
    metricsRoute(app, metricsPath, { sources, access, deliveries })
    detailRoutes(app, { sources, access, deliveries })
    lifecycleRoutes(app, sources, access)
    if (metricsPath === '/') return
    const config = sources.config === undefined ? [] : ([['/config', 'Configuration']] as const)
    const links = [
      ['/health', 'Health as JSON'],
      [metricsPath, 'Metrics'],
      ['/readyz?verbose', 'Readiness'],
      ...config,
    ] as const
    pageRoutes(app, { board: sources.board, feed, access, deliveries, links })
  }
}

/** No route of ours takes a body, so none is read, whatever it says of itself. */
export function refuseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

/** An error shows its status and nothing else; ours are logged. That a client left is none. */
export function answerErrors(app: FastifyInstance, { logger = silent }: Sources): void {
  app.setErrorHandler((error: { readonly statusCode?: number }, _request, reply) => {
    if (reply.raw.destroyed) return reply.hijack()
    const { statusCode = 500 } = error
    if (statusCode >= 400 && statusCode < 500) return send(reply, plainAnswer(statusCode))
    logger.warn({ err: error }, 'a request failed')
    return send(reply, plainAnswer(500))
  })
}
