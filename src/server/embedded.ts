/**
 * The endpoints on the server of an application: for Node's own server and what is built on it, for web-standard requests,
 * and for Fastify. The first two route with a Fastify of ours, which is loaded with the first request that needs it.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { formatAddress, parseListenAddress } from '../model/notation.ts'
import { createAccess } from './access/rules.ts'
import { inject } from './fetch.ts'
import { plainAnswer, sendRaw } from './http/answer.ts'
import type {
  EndpointOptions,
  Fetch,
  Handler,
  HandlerOptions,
  Listening,
  ListenOptions,
  Plugin,
} from './options.ts'
import { createTransport, type Monitored } from './routes/context.ts'
import { routes, servesPath } from './routes/routes.ts'

interface Embedded {
  handler(options?: HandlerOptions): Handler
  fetch(options?: HandlerOptions): Fetch
  routes(options?: EndpointOptions): Plugin
  listen(address: string, options?: ListenOptions): Promise<Listening>
  /** Ends streams of events, and what else outlives a request. The next request begins anew. */
  close(): Promise<void>
}

/** What is closed with the monitor. */
interface Closable {
  close(): Promise<void>
}

/** Endpoints under one prefix, and what they keep between requests. */
interface Served extends Closable {
  /** The answer to a probe without a query, which needs no routing. */
  readonly probe: (path: string, accept: string | undefined) => ReturnType<typeof plainAnswer> | undefined
  readonly app: () => Promise<FastifyInstance>
}

const notFound = plainAnswer(404)
/** Answers of a listener of our own that are on their way when it closes get this long, in milliseconds. */
const listenerGraceMs = 500
const failed = plainAnswer(500)

export function createEmbedded(monitor: Monitored): Embedded {
  const open = new Set<Closable>()

  /** Makes what endpoints need with the first request, and anew after a close. */
  function keep(options: HandlerOptions): () => Served {
    // Invalid rules throw where the handler is created.
    createAccess(options.access ?? {}, 'access')
    let served: Served | undefined
    return () => {
      if (served === undefined || !open.has(served)) served = serve(monitor, options)
      open.add(served)
      return served
    }
  }

  return {
    handler(options = {}) {
      const prefix = readPrefix(options)
      const served = keep(options)
      return (request, response, next) => {
        const path = pathUnder(prefix, request.url ?? '')
        if (path === undefined || !servesPath(path, options)) {
          if (next === undefined) sendRaw(response, notFound)
          else next()
          return
        }
        const { probe, app } = served()
        // Koa begins with 404.
        response.statusCode = 200
        const answer = isRead(request) ? probe(path, request.headers.accept) : undefined
        if (answer !== undefined && !request.url?.includes('?')) sendRaw(response, answer)
        else
          app().then(
            app => app.routing(request, response),
            error => {
              monitor.logger.warn({ err: error }, 'a request failed')
              sendRaw(response, failed)
            },
          )
      }
    },

    fetch(options = {}) {
      const prefix = readPrefix(options)
      const served = keep(options)
      return async (request, client) => {
        const { pathname } = new URL(request.url)
        const path = pathUnder(prefix, pathname)
        if (path === undefined || !servesPath(path, options)) return new Response(notFound.body, notFound)
        return await inject(await served().app(), request, client)
      }
    },

    routes(options = {}) {
      const plugin = routes(monitor, options)
      return async app => {
        const own = app as unknown as FastifyInstance
        dropInheritedHooks(own)
        await plugin(own, {})
      }
    },

    async listen(address, { access: { users, certificates: _, ...rules } = {}, metricsPath } = {}) {
      const parsed = parseListenAddress(address)
      if (parsed === undefined)
        throw new TypeError('expected an address such as :9797, 127.0.0.1:9797 or [::1]:9797')
      const { createServer } = await import('./server.ts')
      const web = users && { users, headers: {} }
      const server = createServer(monitor, {
        ...rules,
        section: 'access',
        listen: [parsed],
        metricsPath,
        web,
      })
      const [bound] = await server.start()
      const close = async () => {
        open.delete(listening)
        await server.close(listenerGraceMs)
      }
      const url = `http://${formatAddress(parsed.host ?? 'localhost', bound?.port ?? parsed.port)}`
      const listening: Listening = { url, close, [Symbol.asyncDispose]: close }
      open.add(listening)
      return listening
    },

    async close() {
      const closing = [...open].map(served => served.close())
      open.clear()
      await Promise.all(closing)
    },
  }
}

function serve(monitor: Monitored, options: HandlerOptions): Served {
  const access = createAccess(options.access ?? {}, 'access')
  const transport = createTransport(monitor)
  const probes = transport.probes.byPath
  let app: Promise<FastifyInstance> | undefined
  const load = async () => {
    const { createRouter } = await import('./router.ts')
    const app = createRouter(monitor)
    app.register(routes(monitor, { ...options, access, transport }), { prefix: readPrefix(options) })
    await app.ready()
    return app
  }
  return {
    probe: (path, accept) => probes.get(path)?.(accept),
    app() {
      app ??= load()
      return app
    },
    async close() {
      transport.feed.close()
      await (await app)?.close()
      await access.close()
    },
  }
}

/** @throws TypeError for a prefix that is no path. */
function readPrefix({ prefix = '' }: HandlerOptions): string {
  if (prefix === '/' || prefix === '') return ''
  if (!/^(?:\/[\w.~-]+)+$/.test(prefix))
    throw new TypeError('prefix: expected a path such as /internal, without a slash at its end')
  return prefix
}

/** The path of a URL below a prefix, without its query; undefined if it is not below it. */
function pathUnder(prefix: string, url: string): string | undefined {
  const [path = ''] = url.split('?', 1)
  if (path === prefix) return '/'
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

/**
 * Takes the hooks off that the application has set for its own routes, such as those of @fastify/under-pressure: a probe
 * must not be refused because the application is busy. Fastify gives a plugin a copy of them, and no documented way to
 * leave them out; a test watches over it. Where this seam is missing, they stay.
 */
function dropInheritedHooks(app: FastifyInstance): void {
  const key = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
  const hooks: unknown = key && Reflect.get(app, key)
  if (typeof hooks !== 'object' || hooks === null) return
  for (const name of requestHooks) if (Array.isArray(Reflect.get(hooks, name))) Reflect.set(hooks, name, [])
}

const requestHooks = [
  ...['onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization'],
  ...['onSend', 'onResponse', 'onError', 'onTimeout', 'onRequestAbort'],
] as const
