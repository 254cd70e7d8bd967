/** The service's own server: one set of routes, on one or several addresses. */
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import type { ListenAddress } from '../model/address.ts'
import { isProbePath } from '../model/http.ts'
import { type Audience, audienceOf } from './access/audience.ts'
import { type AccessRules, createAccess } from './access/rules.ts'
import { createTls, verifiesClients } from './access/tls.ts'
import type { WebConfig } from './access/webfile.ts'
import { plainAnswer, send, sendRaw } from './http/answer.ts'
import { createConnections } from './http/connections.ts'
import { type Limits, limitsWithin, readOpenFileLimit } from './http/limits.ts'
import { type Listener, type ListenerOptions, listen } from './http/listener.ts'
import type { Monitored } from './monitored.ts'
import { answerErrors, createTransport, type RoutesOptions, refuseBodies, routes } from './routes/routes.ts'

/** The rules beside those that the web config sets. */
export type ServerRules = Omit<AccessRules, 'users' | 'certificates'>

export interface ServerSettings
  extends ServerRules,
    Pick<RoutesOptions, 'config' | 'reload' | 'metricsPath'> {
  readonly listen: readonly ListenAddress[]
  /** Addresses on which only probes are answered: in plain HTTP, and with connections of their own. Default: none. */
  readonly probesListen?: readonly ListenAddress[]
  /** TLS, users and headers. Default: plain HTTP and no log-in. */
  readonly web?: WebConfig | undefined
  /** Default: `limitsWithin` the files that the process may open. */
  readonly limits?: Partial<Limits>
}

export interface Server {
  /**
   * Listens on every address, or on none: if one cannot be bound, the others are given back.
   *
   * @returns the addresses as they were bound, in the order of the settings; those of probes alone come last.
   * @throws ListenError
   */
  start(): Promise<readonly AddressInfo[]>
  /**
   * New rules for requests that come from now on: after a reload.
   *
   * @throws TypeError for an entry of `allow` or `hosts` that is none; the rules of before stay.
   */
  setAccess(rules: ServerRules): void
  /**
   * New users, headers and TLS for requests and connections that come from now on.
   *
   * @throws Error if it turns TLS on or off, or its certificate cannot be used; that of before stays.
   */
  setWeb(web: WebConfig): void
  /** Who sees what now, at each address in the order of the settings. */
  audiences(): readonly Audience[]
  /** Accepts nothing more, lets answers on their way end, cuts what is left after `graceMs`. Idempotent. */
  close(graceMs: number): Promise<void>
}

const notFound = plainAnswer(404)

/** @throws TypeError for an entry of `allow` or `hosts` that is none. */
export function createServer(monitor: Monitored, settings: ServerSettings): Server {
  const { probesListen = [], config, reload, metricsPath } = settings
  let rules: ServerRules = settings
  let web: WebConfig = settings.web ?? { users: new Map(), headers: {} }
  let headers = Object.entries(web.headers)
  const tls = web.tls && createTls(web.tls)
  const access = createAccess(accessRules(rules, web))
  const app = createApp(monitor)
  const limits = { ...limitsWithin(readOpenFileLimit()), ...settings.limits }
  const connections = createConnections(limits.connections, limits.answerMs)
  const cut = ({ socket }: ServerResponse) => socket !== null && connections.cut(socket)
  const transport = createTransport(monitor, limits, cut)
  app.register(routes(monitor, { access, config, reload, metricsPath, transport }))
  // What is asked most often is answered without Fastify's part of the work (bench/probes.ts).
  const probes = transport.probes.byPath
  const options: ListenerOptions = {
    handle: (request, response) => app.routing(request, response),
    findAnswer: (url, accept) => probes.get(url)?.(accept),
    limits,
    connections,
    tls,
    headers: () => headers,
  }
  const probeOptions: ListenerOptions = {
    handle: (request, response) => {
      if (isProbePath((request.url ?? '').split('?', 1).join())) app.routing(request, response)
      else sendRaw(response, notFound)
    },
    findAnswer: options.findAnswer,
    limits,
    connections: createConnections(limits.probeConnections, limits.answerMs),
  }
  const listeners: Listener[] = []
  let closing: Promise<void> | undefined

  function close(graceMs: number): Promise<void> {
    transport.feed.close()
    closing ??= Promise.all(listeners.map(listener => listener.close(graceMs))).then(() => app.close())
    return closing
  }

  return {
    async start() {
      await app.ready()
      try {
        for (const address of settings.listen) listeners.push(await listen(address, options))
        for (const address of probesListen) listeners.push(await listen(address, probeOptions))
      } catch (error) {
        await close(0)
        throw error
      }
      return listeners.map(listener => listener.address)
    },
    setAccess(next) {
      access.replace(accessRules(next, web))
      rules = next
    },
    setWeb(next) {
      if ((next.tls === undefined) !== (tls === undefined))
        throw new Error('TLS is turned on and off by a restart alone')
      if (next.tls !== undefined) tls?.replace(next.tls)
      access.replace(accessRules(rules, next))
      headers = Object.entries(next.headers)
      web = next
    },
    audiences() {
      const insistsOnCertificate = web.tls?.clientAuth === 'RequireAndVerifyClientCert'
      const canReload = reload !== undefined
      const inForce = accessRules(rules, web)
      return settings.listen.map(address => audienceOf(inForce, { address, insistsOnCertificate, canReload }))
    },
    close,
  }
}

function accessRules(rules: ServerRules, { users, tls }: WebConfig): AccessRules {
  return { ...rules, users, certificates: tls !== undefined && verifiesClients(tls) }
}

/** Fastify as a router: it never listens itself, so its own limits do not come into play. */
function createApp(monitor: Monitored): FastifyInstance {
  const app = fastify({
    logger: false,
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
    const path = request.url.replace(/\?.*$/s, '').replace(/^\/readyz\/[^/]+$/, '/readyz/:dependency')
    const allowed = methods.get(path)?.join(', ')
    return send(reply, allowed === undefined ? plainAnswer(404) : plainAnswer(405, { allow: allowed }))
  })
  return app
}
