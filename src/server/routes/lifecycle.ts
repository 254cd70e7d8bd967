/** `/-/reload`, as Prometheus has it: POST or PUT, and only where an operator enabled it. */
import type { FastifyInstance } from 'fastify'
import { paths } from '../../model/http.ts'
import type { Access } from '../access/rules.ts'
import { answer, mediaTypes, send } from '../http/answer.ts'
import type { ReloadOutcome } from '../monitored.ts'

const reloaded = answer(200, mediaTypes.text, 'reloaded\n')

export function lifecycleRoutes(
  app: FastifyInstance,
  reload: () => Promise<ReloadOutcome>,
  access: Access,
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
