/** `/metrics`: a scrape reads what is known, and asks no dependency. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from './access/rules.ts'
import { everyAnswer, plainAnswer, send } from './answer.ts'
import { silent } from './logger.ts'
import type { Sources } from './sources.ts'

/** Scrapes at once; node_exporter's `--web.max-requests` has the same default. More are told to come back. */
export const maxScrapes = 40

const failed = plainAnswer(500)
const busy = plainAnswer(503, { 'retry-after': '1' })

export function metricsRoute(app: FastifyInstance, path: string, sources: Sources, access: Access): void {
  const { metrics, logger = silent } = sources
  let scrapes = 0

  async function scrape(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (scrapes >= maxScrapes) return send(reply, busy)
    scrapes++
    reply.raw.once('close', () => scrapes--)
    const { accept, 'accept-encoding': encoding } = request.headers
    try {
      return await respond(request, reply, await metrics(accept, encoding as string | undefined))
    } catch (error) {
      logger.warn({ err: error }, 'the metrics could not be rendered')
      return send(reply, failed)
    }
  }

  function respond(
    request: FastifyRequest,
    reply: FastifyReply,
    { contentType, contentEncoding, contentLength, body }: Awaited<ReturnType<Sources['metrics']>>,
  ): FastifyReply {
    reply.headers({ ...everyAnswer, 'content-type': contentType, 'content-length': String(contentLength) })
    reply.header('vary', 'Accept, Accept-Encoding')
    if (contentEncoding !== undefined) reply.header('content-encoding', contentEncoding)
    if (!(body instanceof Readable)) return reply.send(body)
    body.once('error', error => logger.warn({ err: error }, 'the metrics broke off'))
    if (request.method !== 'HEAD') return reply.send(body)
    body.destroy()
    return reply.send()
  }

  app.route({ method: ['GET', 'HEAD'], url: path, onRequest: access.guard('metrics'), handler: scrape })
}
