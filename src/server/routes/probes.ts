/**
 * The questions of orchestrators: liveness, readiness, startup. They are open to everybody, so their answers hold
 * names and states, and neither reasons nor addresses.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { chooseOffer, probePaths } from '../../model/http.ts'
import type { Probes } from '../../views/probes.ts'
import { type Answer, answer, mediaTypes, plainAnswer, send } from '../http/answer.ts'
import { createReadinessAnswers } from './readiness.ts'

/** The answer to a probe without a query, by the request's `Accept`. */
export type ProbeAnswer = (accept: string | undefined) => Answer

export interface ProbeAnswers {
  /** By path: `/healthz`, `/livez`, `/readyz`, `/startupz`, `/-/healthy`, `/-/ready`. */
  readonly byPath: ReadonlyMap<string, ProbeAnswer>
  /** Readiness, as a query asks for it. */
  ready(accept: string | undefined, query: Query): Answer
  /** 404 for a name that is no dependency's; it is not repeated. */
  readyOne(dependency: string, accept: string | undefined, query: Query): Answer
}

/** The part of a parsed query that readiness knows. */
export interface Query {
  readonly verbose?: unknown
  readonly exclude?: string | readonly string[]
}

const offers = [{ type: 'application/json' }, { type: 'text/plain' }]
const notFound = plainAnswer(404)

export function createProbeAnswers(probes: Probes): ProbeAnswers {
  const readiness = createReadinessAnswers(probes)
  const alive = yesOrNo(probes.alive)
  const started = yesOrNo(probes.started)
  const ready: ProbeAnswer = accept => readiness.all(formOf(accept), [])
  return {
    byPath: new Map([
      ...probePaths.alive.map(path => [path, alive] as const),
      ...probePaths.ready.map(path => [path, ready] as const),
      ...probePaths.started.map(path => [path, started] as const),
    ]),
    ready(accept, { verbose, exclude = [] }) {
      const names = typeof exclude === 'string' ? [exclude] : exclude
      return readiness.all(verbose === undefined ? formOf(accept) : 'verbose', names)
    },
    readyOne(dependency, accept, { verbose }) {
      return readiness.one(dependency, verbose === undefined ? formOf(accept) : 'verbose') ?? notFound
    },
  }
}

export function probeRoutes(app: FastifyInstance, answers: ProbeAnswers): void {
  const ask = (url: string, answerTo: (request: FastifyRequest) => Answer) =>
    app.route({ method: ['GET', 'HEAD'], url, handler: (request, reply) => send(reply, answerTo(request)) })

  for (const path of probePaths.ready)
    ask(path, ({ headers, query }) => answers.ready(headers.accept, query as Query))
  for (const path of [...probePaths.alive, ...probePaths.started])
    ask(path, ({ headers }) => answers.byPath.get(path)?.(headers.accept) ?? notFound)
  ask(probePaths.readyOne, ({ headers, params, query }) => {
    const { dependency = '' } = params as Readonly<Record<string, string>>
    return answers.readyOne(dependency, headers.accept, query as Query)
  })
}

function yesOrNo(holds: () => boolean): ProbeAnswer {
  const answers = {
    json: [word('json', 503, 'unavailable'), word('json', 200, 'ok')],
    text: [word('text', 503, 'unavailable'), word('text', 200, 'ok')],
  } as const
  return accept => answers[formOf(accept)][holds() ? 1 : 0]
}

function word(form: 'json' | 'text', status: number, text: string): Answer {
  return answer(status, mediaTypes[form], form === 'json' ? JSON.stringify({ status: text }) : `${text}\n`)
}

function formOf(accept: string | undefined): 'json' | 'text' {
  return chooseOffer(accept, offers) === 0 ? 'json' : 'text'
}
