/** What only those see who may: `/health`, all that is known, and `/config`, the running configuration. */
import type { FastifyInstance } from 'fastify'
import { healthJson, healthJsonStatusCode, healthJsonType } from '../views/healthjson.ts'
import { preferred } from './accept.ts'
import type { Access } from './access/rules.ts'
import { type Answer, answer, mediaTypes, send } from './answer.ts'
import type { Sources } from './sources.ts'

const offers = ['application/json', healthJsonType]

/** Milliseconds for which a rendered report is sent again: whoever asks in a loop does not keep the process rendering. */
const keepMs = 100

export function detailRoutes(app: FastifyInstance, { status, config }: Sources, access: Access): void {
  const onRequest = access.guard('details')
  const forms = [
    recently(() => answer(200, mediaTypes.json, JSON.stringify(status()))),
    recently(() => {
      const health = healthJson(status())
      return answer(healthJsonStatusCode(health), healthJsonType, JSON.stringify(health))
    }),
  ] as const

  app.route({
    method: ['GET', 'HEAD'],
    url: '/health',
    onRequest,
    handler: (request, reply) => {
      const form = preferred(request.headers.accept, offers) === 1 ? forms[1] : forms[0]
      return send(reply, form())
    },
  })
  if (config === undefined) return
  app.route({
    method: ['GET', 'HEAD'],
    url: '/config',
    onRequest,
    handler: (_request, reply) =>
      send(reply, answer(200, mediaTypes.json, JSON.stringify(config(), null, 2) ?? 'null')),
  })
}

function recently(render: () => Answer): () => Answer {
  let kept: { readonly answer: Answer; readonly at: number } | undefined
  return () => {
    const now = performance.now()
    if (kept === undefined || now - kept.at > keepMs) kept = { answer: render(), at: now }
    return kept.answer
  }
}
