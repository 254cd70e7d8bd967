/** The service's own server: one set of routes, on one or several addresses. */
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isProbePath } from '../model/http.ts'
import type { ListenAddress } from '../model/notation.ts'
import { type Audience, createAccess, describeAudience, type Section } from './access/rules.ts'
import type { WebConfig } from './access/webfile.ts'
import { plainAnswer, sendRaw } from './http/answer.ts'
import { createConnections } from './http/connections.ts'
import { type Limits, limitsWithin, readOpenFileLimit } from './http/limits.ts'
import { type Listener, type ListenerOptions, listen } from './http/listener.ts'
import { createTls, verifiesClients } from './http/tls.ts'
import type { AccessRules } from './options.ts'
import { createRouter } from './router.ts'
import { createTransport, type Monitored } from './routes/context.ts'
import { type RoutesOptions, routes } from './routes/routes.ts'

/** The rules that are not part of the web config. */
type ServerRules = Omit<AccessRules, 'users' | 'certificates'>

export interface ServerSettings
  extends ServerRules,
    Pick<RoutesOptions, 'config' | 'reload' | 'metricsPath'> {
  readonly listen: readonly ListenAddress[]
  /** Addresses that serve only probes, over plain HTTP and with a connection limit of their own. Default: none. */
  readonly probesListen?: readonly ListenAddress[]
  /** TLS, users and headers. Default: plain HTTP and no login. */
  readonly web?: WebConfig | undefined
  /** Where the access rules are written, for those who are refused. Default: `server`. */
  readonly section?: Section | undefined
  /** Default: `limitsWithin` the number of files that the process may open. */
  readonly limits?: Partial<Limits>
}

export interface Server {
  /**
   * Listens on every address or, if one cannot be bound, on none.
   *
   * @returns the addresses as they were bound, in the order of the settings; those that serve only probes come last.
   * @throws ListenError
   */
  start(): Promise<readonly AddressInfo[]>
  /**
   * Sets the rules for new requests.
   *
   * @throws TypeError for an invalid entry of `allow` or `hosts`; the current rules stay in force.
   */
  setAccess(rules: ServerRules): void
  /**
   * Sets users, headers and TLS for new requests and connections.
   *
   * @throws Error if it turns TLS on or off, or its certificate cannot be used; the current one stays in force.
   */
  setWeb(web: WebConfig): void
  /** Describes who sees what now, for each address in the order of the settings. */
  audiences(): readonly Audience[]
  /** Stops accepting, lets answers in progress finish, and cuts what is left after `graceMs`. Idempotent. */
  close(graceMs: number): Promise<void>
}

const notFound = plainAnswer(404)

/** @throws TypeError for an invalid entry of `allow` or `hosts`. */
export function createServer(monitor: Monitored, settings: ServerSettings): Server {
  const { probesListen = [], config, reload, metricsPath } = settings
  let rules: ServerRules = settings
  let web: WebConfig = settings.web ?? { users: new Map(), headers: {} }
  let headers = Object.entries(web.headers)
  const tls = web.tls && createTls(web.tls)
  const access = createAccess(accessRules(rules, web), settings.section ?? 'server')
  const app = createRouter(monitor)
  const limits = { ...limitsWithin(readOpenFileLimit()), ...settings.limits }
  const connections = createConnections(limits.connections, limits.answerMs)
  const cut = ({ socket }: ServerResponse) => socket !== null && connections.cut(socket)
  const transport = createTransport(monitor, limits, cut)
  app.register(routes(monitor, { access, config, reload, metricsPath, transport }))
  // Probes are requested most often, so they are answered without Fastify's share of the work (bench/probes.ts).
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
        throw new Error('TLS can be turned on or off only by a restart')
      if (next.tls !== undefined) tls?.replace(next.tls)
      access.replace(accessRules(rules, next))
      headers = Object.entries(next.headers)
      web = next
    },
    audiences() {
      const requiresCertificate = web.tls?.clientAuth === 'RequireAndVerifyClientCert'
      const canReload = reload !== undefined
      const inForce = accessRules(rules, web)
      return settings.listen.map(address =>
        describeAudience(inForce, { address, requiresCertificate, canReload }),
      )
    },
    close,
  }
}

function accessRules(rules: ServerRules, { users, tls }: WebConfig): AccessRules {
  return { ...rules, users, certificates: tls !== undefined && verifiesClients(tls) }
}
