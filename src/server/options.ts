/** What an application says about the endpoints that it serves. These types name no library, whatever it serves with. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** User name to bcrypt hash. */
export type Users = ReadonlyMap<string, string>

/** Who may see what. */
export interface AccessRules {
  /** Default: `authorized`. */
  readonly details?: 'always' | 'authorized' | 'never'
  /** IP addresses and networks in CIDR notation. Default: everybody for the metrics, this machine for the details. */
  readonly allow?: readonly string[] | undefined
  /**
   * Host names by which people reach the details over plain HTTP without a login, in addition to IP addresses, localhost
   * and the name of this machine.
   */
  readonly hosts?: readonly string[] | undefined
  /** Default: no login. */
  readonly users?: Users
  /** A client certificate that the server has verified counts as a login if there are no users. Default: false. */
  readonly certificates?: boolean
}

/**
 * Endpoints that are served together: `probes` are `/healthz`, `/readyz`, `/startupz` and their other names; `metrics` is
 * `/metrics`; `health` is `/health`; `page` is `/` with the files and events that it loads.
 */
export type Endpoint = 'probes' | 'metrics' | 'health' | 'page'

/** Which endpoints are served, and to whom. */
export interface EndpointOptions {
  /** Who may see what is not a probe. Default: metrics are for everybody, details for this machine. */
  readonly access?: AccessRules | undefined
  /** Serve these alone. Default: all. */
  readonly only?: readonly Endpoint[] | undefined
  /** A path that no other endpoint has. Default: `/metrics`. */
  readonly metricsPath?: string | undefined
}

/** The same, for servers that take no prefix of their own. */
export interface HandlerOptions extends EndpointOptions {
  /** The path under which the endpoints stand, such as `/internal`. Leave it out below a router that takes it off. */
  readonly prefix?: string | undefined
}

/**
 * Answers a request for one of the endpoints. Any other goes to `next` or, without one, is a 404. It reads no body.
 * It fits `node:http`, Express, Connect and Nest middleware, and Koa by `ctx.req` and `ctx.res`.
 */
export type Handler = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void

/** What a web-standard request does not say. */
export interface Client {
  /** The IP address of the client, by which access is decided. Without it, the client counts as none of this machine. */
  readonly address?: string | undefined
}

/** All endpoints are served on a port of their own. */
export type ListenOptions = Omit<EndpointOptions, 'only'>

/** A server of its own, on its own port. */
export interface Listening extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:9797`. */
  readonly url: string
  /** Accepts nothing more, and cuts what is left after half a second. `monitor.stop()` does it too. */
  close(): Promise<void>
}

/** Answers a web-standard request. One that is for none of the endpoints is a 404. */
export type Fetch = (request: Request, client?: Client) => Promise<Response>

/** The part of a Fastify instance by which it is recognised, of any version. */
export interface FastifyApp {
  /** Present on every Fastify instance. */
  readonly addHook: unknown
  /** Present on every Fastify instance. */
  readonly register: unknown
  /** Present on every Fastify instance. */
  readonly route: unknown
  /** Present on every Fastify instance. */
  readonly setErrorHandler: unknown
}

/** A Fastify plugin: `app.register(monitor.routes(), { prefix: '/internal' })`. */
export type Plugin = (app: FastifyApp) => Promise<void>
