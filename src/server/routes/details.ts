/** What only those see who may: `/health`, all that is known, and `/config`, the running configuration. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { chooseOffer, paths } from '../../model/http.ts'
import { healthJson, healthJsonStatusCode, healthJsonType } from '../../views/healthjson.ts'
import type { Access } from '../access/rules.ts'
import { everyAnswer, mediaTypes } from '../http/answer.ts'
import type { Deliveries } from '../http/deliveries.ts'
import { borrow, createShared, jsonInSlices } from '../http/report.ts'
import type { Monitored } from '../monitored.ts'

const offers = [{ type: 'application/json' }, { type: healthJsonType }]

/** A report as bytes. */
interface Report {
  readonly status: number
  readonly contentType: string
  readonly bytes: Buffer
}

export interface DetailRoutesOptions {
  readonly monitor: Monitored
  /** The running config, secrets already hidden. Without it, there is no `/config`. */
  readonly config: (() => unknown) | undefined
  readonly access: Access
  readonly deliveries: Deliveries
}

export function detailRoutes(
  app: FastifyInstance,
  { monitor: { status }, config, access, deliveries }: DetailRoutesOptions,
): void {
  const onRequest = access.guard('details')
  const method = ['GET', 'HEAD']
  const forms = [
    createShared(async (): Promise<Report> => {
      const bytes = await jsonInSlices(status(), 'dependencies')
      return { status: 200, contentType: mediaTypes.json, bytes }
    }),
    createShared(async (): Promise<Report> => {
      const health = healthJson(status())
      const bytes = await jsonInSlices(health, 'checks')
      return { status: healthJsonStatusCode(health), contentType: healthJsonType, bytes }
    }),
  ] as const
  const printed = printOnce()

  function deliver(request: FastifyRequest, reply: FastifyReply, report: Report): FastifyReply {
    const { status, contentType, bytes } = report
    const size = bytes.length
    reply
      .code(status)
      .headers({ ...everyAnswer, 'content-type': contentType, 'content-length': String(size) })
    return deliveries.send(request, reply, { bytes, size })
  }

  app.route({
    method,
    url: paths.health,
    onRequest,
    handler: async (request, reply) => {
      const form = chooseOffer(request.headers.accept, offers) === 1 ? forms[1] : forms[0]
      return deliver(request, reply, await borrow(form, reply))
    },
  })
  if (config === undefined) return
  app.route({
    method,
    url: paths.config,
    onRequest,
    handler: (request, reply) =>
      deliver(request, reply, { status: 200, contentType: mediaTypes.json, bytes: printed(config()) }),
  })
}

/** Prints a configuration when it is another one than before. */
function printOnce(): (config: unknown) => Buffer {
  let last: { readonly config: unknown; readonly bytes: Buffer } | undefined
  return config => {
    if (last?.config !== config || last === undefined)
      last = { config, bytes: Buffer.from(JSON.stringify(config, null, 2) ?? 'null') }
    return last.bytes
  }
}
