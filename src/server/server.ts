/** The service's own server: one set of routes, on one or several addresses. */
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { type AccessRules, createAccess } from './access.ts'
import { plainAnswer, send } from './answer.ts'
import type { Users } from './credentials.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { type ListenAddress, type Listener, type ListenerOptions, listen } from './listener.ts'
import { createFeed } from './page/feed.ts'
import { createProbeAnswers } from './probes.ts'
import { answerErrors, guardedRoutes, refuseBodies } from './routes.ts'
import type { Sources } from './sources.ts'
import { createTls, verifiesClients } from './tls.ts'
import type { WebConfig } from './webfile.ts'

export interface ServerSettings extends Omit<AccessRules, 'users' | 'certificates'> {
  readonly listen: readonly ListenAddress[]
  /** Default: `/metrics`. */
  readonly metricsPath?: string
  /** TLS, users and headers. Default: plain HTTP and no log-in. */
  readonly web?: WebConfig
  /** Default: `defaultLimits`. */
  readonly limits?: Partial<Limits>
}

export interface Server {
  /**
   * Listens on every address, or on none: if one cannot be bound, the others are given back.
   *
   * @returns the addresses as they were bound, in the order of the settings.
   * @throws ListenError
   */
  start(): Promise<readonly AddressInfo[]>
  /**
   * New rules for requests that come from now on: after a reload.
   *
   * @param users default: those of before.
   * @throws TypeError for an entry of `allow` that is no address; the rules of before stay.
   */
  setAccess(rules: Omit<AccessRules, 'users' | 'certificates'>, users?: Users): void
  /** Accepts nothing more, lets answers on their way end, cuts what is left after `graceMs`. Idempotent. */
  close(graceMs: number): Promise<void>
}

/** @throws TypeError for an entry of `allow` that is no address. */
export function createServer(sources: Sources, settings: ServerSettings): Server {
  const { web, metricsPath = '/metrics' } = settings
  let users: Users = web?.users ?? new Map()
  const certificates = web?.tls !== undefined && verifiesClients(web.tls)
  const access = createAccess({ ...settings, users, certificates })
  const app = createApp(sources)
  const feed = createFeed(sources.board)
  app.register(guardedRoutes(sources, access, metricsPath, feed))
  // What is asked most often is answered without Fastify's part of the work (bench/probes.ts).
  const probes = createProbeAnswers(sources.probes).byPath
  const options: ListenerOptions = {
    handle: (request, response) => app.routing(request, response),
    atOnce: (url, accept) => probes.get(url)?.(accept),
    limits: { ...defaultLimits, ...settings.limits },
    ...(web?.tls !== undefined && { tls: createTls(web.tls, sources.logger) }),
    ...(web !== undefined && { headers: web.headers }),
  }
  const listeners: Listener[] = []
  let closing: Promise<void> | undefined

  function close(graceMs: number): Promise<void> {
    feed.close()
    closing ??= Promise.all(listeners.map(listener => listener.close(graceMs))).then(() => app.close())
    return closing
  }

  return {
    async start() {
      await app.ready()
      try {
        for (const address of settings.listen) listeners.push(await listen(address, options))
      } catch (error) {
        await close(0)
        throw error
      }
      return listeners.map(listener => listener.address)
    },
    setAccess(rules, newUsers = users) {
      access.replace({ ...rules, users: newUsers, certificates })
      users = newUsers
    },
    close,
  }
}

/** Fastify as a router: it never listens itself, so its own limits do not come into play. */
function createApp(sources: Sources): FastifyInstance {
  const app = fastify({
    logger: false,
    frameworkErrors: (error, _request, reply) => {
      send(reply, plainAnswer(error.statusCode ?? 400))
    },
  })
  refuseBodies(app)
  answerErrors(app, sources)
  const methods = new Map<string, string[]>()
  app.addHook('onRoute', ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()])
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*$/s, '').replace(/^\/readyz\/[^/]+$/, '/readyz/:dependency')
    const allowed = methods.get(path)?.join(', ')
    return send(reply, allowed === undefined ? plainAnswer(404) : plainAnswer(405, { allow: allowed }))
  })
  return app
}
