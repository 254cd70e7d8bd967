/** `/health`, `/config` and `/-/reload`: for those whom the access rules let in. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { chooseOffer, paths } from '../../model/http.ts'
import { healthJson, healthJsonStatusCode, healthJsonType } from '../../views/healthjson.ts'
import { answer, everyAnswer, mediaTypes, send } from '../http/answer.ts'
import { borrow, createShared, jsonInSlices } from '../http/report.ts'
import type { ReloadOutcome, RouteContext } from './context.ts'

const offers = [{ type: 'application/json' }, { type: healthJsonType }]

/** A report as bytes. */
interface Report {
  readonly status: number
  readonly contentType: string
  readonly bytes: Buffer
}

/** Everything that is known, as our own JSON or as `application/health+json`. */
export function healthRoute(app: FastifyInstance, context: RouteContext): void {
  const { statusParts } = context.monitor
  const forms = [
    createShared(async (): Promise<Report> => {
      const bytes = await jsonInSlices(statusParts(), 'dependencies')
      return { status: 200, contentType: mediaTypes.json, bytes }
    }),
    createShared(async (): Promise<Report> => {
      const health = healthJson(statusParts())
      const bytes = await jsonInSlices(health, 'checks')
      return { status: healthJsonStatusCode(health), contentType: healthJsonType, bytes }
    }),
  ] as const
  app.route({
    method: ['GET', 'HEAD'],
    url: paths.health,
    onRequest: context.access.guard('details'),
    handler: async (request, reply) => {
      const form = chooseOffer(request.headers.accept, offers) === 1 ? forms[1] : forms[0]
      return deliver(request, reply, await borrow(form, reply), context)
    },
  })
}

/** @param config returns the running config, with its secrets hidden. */
export function configRoute(app: FastifyInstance, context: RouteContext, config: () => unknown): void {
  const print = createPrinter()
  app.route({
    method: ['GET', 'HEAD'],
    url: paths.config,
    onRequest: context.access.guard('details'),
    handler: (request, reply) => {
      const report = { status: 200, contentType: mediaTypes.json, bytes: print(config()) }
      return deliver(request, reply, report, context)
    },
  })
}

const reloaded = answer(200, mediaTypes.text, 'reloaded\n')

/** POST or PUT, as in Prometheus. It exists only where an operator has enabled it. */
export function reloadRoute(
  app: FastifyInstance,
  { access }: RouteContext,
  reload: () => Promise<ReloadOutcome>,
): void {
  app.route({
    method: ['POST', 'PUT'],
    url: paths.reload,
    onRequest: access.guard('lifecycle'),
    handler: async (_request, reply) => {
      const outcome = await reload()
      if (outcome.ok) return send(reply, reloaded)
      const text = ['not reloaded, nothing was changed:', ...outcome.problems, ''].join('\n')
      return send(reply, answer(500, mediaTypes.text, text))
    },
  })
}

function deliver(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, contentType, bytes }: Report,
  { transport: { deliveries } }: RouteContext,
): FastifyReply {
  const size = bytes.length
  reply.code(status).headers({ ...everyAnswer, 'content-type': contentType, 'content-length': String(size) })
  return deliveries.send(request, reply, { bytes, size })
}

/** Returns a function that prints a config, and reuses the text while the config is the same object. */
function createPrinter(): (config: unknown) => Buffer {
  let last: { readonly config: unknown; readonly bytes: Buffer } | undefined
  return config => {
    if (last === undefined || last.config !== config)
      last = { config, bytes: Buffer.from(JSON.stringify(config, null, 2) ?? 'null') }
    return last.bytes
  }
}
