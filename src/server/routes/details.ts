/** `/metrics`, `/health`, `/config` and `/-/reload`: what programs read and do, within the access rules. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ExpositionResponse } from '../../exposition/exposition.ts'
import { chooseOffer, paths } from '../../model/http.ts'
import { healthJson, healthJsonStatusCode, healthJsonType } from '../../views/healthjson.ts'
import { answer, everyAnswer, mediaTypes, plainAnswer, send } from '../http/answer.ts'
import { borrow, createShared, jsonInSlices, prettyJsonInSlices } from '../http/report.ts'
import type { ReloadOutcome, RouteContext } from './context.ts'

const failed = plainAnswer(500)

/** A scrape reads what is known. It contacts no dependency. */
export function metricsRoute(app: FastifyInstance, context: RouteContext, path: string): void {
  const { monitor, access, transport } = context
  const { scrape, logger } = monitor

  // Scrapes that come together share one rendering, so only their answers have to be limited.
  async function answerScrape(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { accept, 'accept-encoding': encoding } = request.headers
    try {
      return respond(request, reply, await scrape(accept, encoding as string | undefined))
    } catch (error) {
      logger.warn({ err: error }, 'the metrics could not be rendered')
      return send(reply, failed)
    }
  }

  function respond(
    request: FastifyRequest,
    reply: FastifyReply,
    { contentType, contentEncoding, contentLength, body, shares, release }: ExpositionResponse,
  ): FastifyReply {
    reply.headers({ ...everyAnswer, 'content-type': contentType, 'content-length': String(contentLength) })
    reply.header('vary', 'Accept, Accept-Encoding')
    if (contentEncoding !== undefined) reply.header('content-encoding', contentEncoding)
    if (release !== undefined) {
      reply.raw.once('close', release)
      if (reply.raw.destroyed) release()
    }
    return transport.deliveries.send(request, reply, { bytes: body, size: contentLength, shares })
  }

  app.route({ method: ['GET', 'HEAD'], url: path, onRequest: access.guard('metrics'), handler: answerScrape })
}

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
    handler: async (request, reply) => {
      const report = { status: 200, contentType: mediaTypes.json, bytes: await print(config()) }
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
function createPrinter(): (config: unknown) => Promise<Buffer> {
  let last: { readonly config: unknown; readonly bytes: Promise<Buffer> } | undefined
  return config => {
    if (last === undefined || last.config !== config) last = { config, bytes: prettyJsonInSlices(config) }
    return last.bytes
  }
}
