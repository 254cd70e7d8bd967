/**
 * The questions of orchestrators: liveness, readiness, startup. They are open to everybody, so their answers hold
 * names and states, and neither reasons nor addresses.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Probes } from '../../views/probes.ts'
import { preferred } from '../http/accept.ts'
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

const offers = ['application/json', 'text/plain']
const notFound = plainAnswer(404)

const paths: readonly string[] = ['/healthz', '/livez', '/readyz', '/startupz', '/-/healthy', '/-/ready']

/** Whether a URL without a host is a probe's, `/readyz/<dependency>` included. */
export function isProbe(url: string): boolean {
  const path = url.split('?', 1).join()
  return paths.includes(path) || path.startsWith('/readyz/')
}

export function createProbeAnswers(probes: Probes): ProbeAnswers {
  const readiness = createReadinessAnswers(probes)
  const alive = yesOrNo(probes.alive)
  const started = yesOrNo(probes.started)
  const ready: ProbeAnswer = accept => readiness.all(formOf(accept), [])
  return {
    byPath: new Map([
      ['/healthz', alive],
      ['/livez', alive],
      ['/-/healthy', alive],
      ['/readyz', ready],
      ['/-/ready', ready],
      ['/startupz', started],
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

  for (const [path, answerTo] of answers.byPath)
    if (answerTo === answers.byPath.get('/readyz'))
      ask(path, ({ headers, query }) => answers.ready(headers.accept, query as Query))
    else ask(path, ({ headers }) => answerTo(headers.accept))
  ask('/readyz/:dependency', ({ headers, params, query }) => {
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
  return preferred(accept, offers) === 0 ? 'json' : 'text'
}
