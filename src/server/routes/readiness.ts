/**
 * Readiness as bytes: JSON, text, and the lines of kube-apiserver's `?verbose` (k8s.io/apiserver, pkg/server/healthz).
 * Made once for each verdict and form, and kept until the verdict changes. Names and states only.
 */
import { type Readiness, type ReadinessCheck, readinessOf } from '../../views/health.ts'
import type { Probes } from '../../views/probes.ts'
import { type Answer, answer, mediaTypes } from '../http/answer.ts'

export type ProbeForm = 'json' | 'text' | 'verbose'

export interface ReadinessAnswers {
  /** @param exclude names that do not count; `verbose` warns if one of them is no dependency. */
  all(form: ProbeForm, exclude: readonly string[]): Answer
  /** One dependency alone, critical or not, draining or not; undefined if there is none of that name. */
  one(name: string, form: ProbeForm): Answer | undefined
}

/** Distinct forms of one verdict that are kept. Orchestrators ask the same few; whoever asks more starts afresh. */
const maxKept = 32

export function createReadinessAnswers(probes: Probes): ReadinessAnswers {
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

/** @param unknown a name to exclude is no dependency. It is not repeated: it came from outside. */
function render(
  verdict: Readiness,
  form: ProbeForm,
  excluded: ReadonlySet<string>,
  unknown: boolean,
): Answer {
  const status = verdict.status === 'unavailable' ? 503 : 200
  if (form === 'text') return answer(status, mediaTypes.text, `${verdict.status}\n`)
  if (form === 'verbose') return answer(status, mediaTypes.text, verbose(verdict, excluded, unknown))
  const counted = [...verdict.checks].filter(([name]) => !excluded.has(name))
  const checks = Object.fromEntries(counted.map(([name, check]) => [name, check.status === 'up']))
  return answer(status, mediaTypes.json, JSON.stringify({ status: verdict.status, checks }))
}

function verbose(
  { status, draining, checks }: Readiness,
  excluded: ReadonlySet<string>,
  unknown: boolean,
): string {
  const lines = [...checks].map(([name, check]) => line(name, check, excluded.has(name)))
  if (draining) lines.push('[-]shutdown failed: reason withheld')
  if (unknown) lines.push('warn: some health checks cannot be excluded: no matches')
  lines.push(status === 'unavailable' ? 'readyz check failed' : 'readyz check passed')
  return `${lines.join('\n')}\n`
}

function line(name: string, { status }: ReadinessCheck, excluded: boolean): string {
  if (excluded) return `[+]${name} excluded: ok`
  return status === 'up' ? `[+]${name} ok` : `[-]${name} failed: reason withheld`
}
