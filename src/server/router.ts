/** Fastify as a router for our own endpoints. Apart from the routes, because it alone loads Fastify, which takes a while. */
import fastify, { type FastifyInstance } from 'fastify'
import { plainAnswer, send } from './http/answer.ts'
import type { Monitored } from './routes/context.ts'
import { answerErrors, refuseBodies } from './routes/routes.ts'

/** Creates a Fastify that only routes: it never listens, so its own limits have no effect. */
export function createRouter(monitor: Pick<Monitored, 'logger'>): FastifyInstance {
  const app = fastify({
    logger: false,
    // No route has a schema. Fastify's own compilers for them take longer to load than all of our files.
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
    frameworkErrors: (error, _request, reply) => {
      send(reply, plainAnswer(error.statusCode ?? 400))
    },
  })
  refuseBodies(app)
  answerErrors(app, monitor)
  const methods = new Map<string, string[]>()
  app.addHook('onRoute', ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()])
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*$/s, '').replace(/\/readyz\/[^/]+$/, '/readyz/:dependency')
    const allowed = methods.get(path)?.join(', ')
    return send(reply, allowed === undefined ? plainAnswer(404) : plainAnswer(405, { allow: allowed }))
  })
  return app
}

function noSchema(): never {
  throw new TypeError('no route of Pulsecheck has a schema')
}
