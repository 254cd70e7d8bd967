/**
 * Liveness, readiness and startup, for orchestrators. Everybody may ask, so the answers hold names and states, but no
 * reasons and no addresses.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { chooseOffer, probePaths } from '../../model/http.ts'
import { type Readiness, type ReadinessCheck, readinessOf } from '../../views/health.ts'
import type { Probes } from '../../views/probes.ts'
import { type Answer, answer, mediaTypes, plainAnswer, send } from '../http/answer.ts'

/** The answer to a probe without a query, by the request's `Accept`. */
type ProbeAnswer = (accept: string | undefined) => Answer

export interface ProbeAnswers {
  /** By path: `/healthz`, `/livez`, `/readyz`, `/startupz`, `/-/healthy`, `/-/ready`. */
  readonly byPath: ReadonlyMap<string, ProbeAnswer>
  /** Readiness, with the options of a query. */
  ready(accept: string | undefined, query: Query): Answer
  /** Readiness of one dependency; 404 for an unknown name, which is not repeated. */
  readyOne(dependency: string, accept: string | undefined, query: Query): Answer
}

/** The options of readiness in a parsed query. */
interface Query {
  readonly verbose?: unknown
  readonly exclude?: string | readonly string[]
}

const offers = [{ type: 'application/json' }, { type: 'text/plain' }]
const notFound = plainAnswer(404)

export function createProbeAnswers(probes: Probes): ProbeAnswers {
  const readiness = createReadinessAnswers(probes)
  const alive = createVerdictAnswer(probes.alive)
  const started = createVerdictAnswer(probes.started)
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

function createVerdictAnswer(holds: () => boolean): ProbeAnswer {
  const answers = {
    json: [wordAnswer('json', 503, 'unavailable'), wordAnswer('json', 200, 'ok')],
    text: [wordAnswer('text', 503, 'unavailable'), wordAnswer('text', 200, 'ok')],
  } as const
  return accept => answers[formOf(accept)][holds() ? 1 : 0]
}

function wordAnswer(form: 'json' | 'text', status: number, text: string): Answer {
  return answer(status, mediaTypes[form], form === 'json' ? JSON.stringify({ status: text }) : `${text}\n`)
}

function formOf(accept: string | undefined): 'json' | 'text' {
  return chooseOffer(accept, offers) === 0 ? 'json' : 'text'
}

type ProbeForm = 'json' | 'text' | 'verbose'

/**
 * Readiness as JSON, as text, and as the lines of kube-apiserver's `?verbose` (k8s.io/apiserver, pkg/server/healthz).
 * Each form is rendered once, and kept until the verdict changes.
 */
interface ReadinessAnswers {
  /** @param exclude names that are ignored. `verbose` warns if one of them is unknown. */
  all(form: ProbeForm, exclude: readonly string[]): Answer
  /** One dependency, critical or not, draining or not; undefined if there is none of that name. */
  one(name: string, form: ProbeForm): Answer | undefined
}

/** Answers that are kept for one verdict. Orchestrators need a few; beyond this number, all are discarded. */
const maxKept = 32

function createReadinessAnswers(probes: Probes): ReadinessAnswers {
  let verdict: Readiness | undefined
  const kept = new Map<string, Answer>()

  function keep(key: string, make: () => Answer): Answer {
    const before = kept.get(key)
    if (before !== undefined) return before
    if (kept.size >= maxKept) kept.clear()
    const made = make()
    kept.set(key, made)
    return made
  }

  function current(): Readiness {
    const now = probes.readiness()
    if (now !== verdict) kept.clear()
    verdict = now
    return now
  }

  return {
    all(form, exclude) {
      const verdict = current()
      if (exclude.length === 0) return keep(form, () => render(verdict, form, new Set(), false))
      const known = new Set(exclude.filter(name => verdict.checks.has(name)).sort())
      const unknown = exclude.some(name => !known.has(name))
      return keep([form, unknown, ...known].join(' '), () => {
        const counted = new Map([...verdict.checks].filter(([name]) => !known.has(name)))
        const { status } = readinessOf(counted, verdict.draining)
        return render({ ...verdict, status }, form, known, unknown)
      })
    },
    one(name, form) {
      const check = current().checks.get(name)
      if (check === undefined) return undefined
      return keep(`${form} /${name}`, () => {
        const status = check.status === 'up' ? 'ok' : 'unavailable'
        return render({ status, draining: false, checks: new Map([[name, check]]) }, form, new Set(), false)
      })
    },
  }
}

/** @param unknown an excluded name is unknown. It is not repeated, because it came from outside. */
function render(
  verdict: Readiness,
  form: ProbeForm,
  excluded: ReadonlySet<string>,
  unknown: boolean,
): Answer {
  const { draining } = verdict
  const status = verdict.status === 'unavailable' ? 503 : 200
  if (form === 'text')
    return answer(status, mediaTypes.text, `${verdict.status}${draining ? ': shutting down' : ''}\n`)
  if (form === 'verbose') return answer(status, mediaTypes.text, renderLines(verdict, excluded, unknown))
  const counted = [...verdict.checks].filter(([name]) => !excluded.has(name))
  const checks = Object.fromEntries(counted.map(([name, check]) => [name, check.status === 'up']))
  return answer(
    status,
    mediaTypes.json,
    JSON.stringify({ status: verdict.status, ...(draining && { shuttingDown: true }), checks }),
  )
}

function renderLines(
  { status, draining, checks }: Readiness,
  excluded: ReadonlySet<string>,
  unknown: boolean,
): string {
  const lines = [...checks].map(([name, check]) => renderLine(name, check, excluded.has(name)))
  if (draining) lines.push('[-]shutdown failed: reason withheld')
  if (unknown) lines.push('warn: some health checks cannot be excluded: no matches')
  lines.push(status === 'unavailable' ? 'readyz check failed' : 'readyz check passed')
  return `${lines.join('\n')}\n`
}

function renderLine(name: string, { status }: ReadinessCheck, excluded: boolean): string {
  if (excluded) return `[+]${name} excluded: ok`
  return status === 'up' ? `[+]${name} ok` : `[-]${name} failed: reason withheld`
}
