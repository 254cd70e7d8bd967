/** `/metrics`: a scrape reads what is known. It contacts no dependency. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ExpositionResponse } from '../../exposition/exposition.ts'
import { everyAnswer, plainAnswer, send } from '../http/answer.ts'
import type { RouteContext } from './context.ts'

const failed = plainAnswer(500)

export function metricsRoute(app: FastifyInstance, context: RouteContext, path: string): void {
  const { monitor, access, transport } = context
  const { scrape, logger } = monitor

  // Scrapes that come together share one rendering, so only their answers have to be limited.
  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
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
    { contentType, contentEncoding, contentLength, body, shares }: ExpositionResponse,
  ): FastifyReply {
    reply.headers({ ...everyAnswer, 'content-type': contentType, 'content-length': String(contentLength) })
    reply.header('vary', 'Accept, Accept-Encoding')
    if (contentEncoding !== undefined) reply.header('content-encoding', contentEncoding)
    if (body instanceof Readable)
      body.once('error', error => logger.warn({ err: error }, 'an answer with metrics was cut short'))
    return transport.deliveries.send(request, reply, { bytes: body, size: contentLength, shares })
  }

  app.route({ method: ['GET', 'HEAD'], url: path, onRequest: access.guard('metrics'), handler: answer })
}
