/** Logs each change of status, and at the debug level each check. */
import type { CheckOutcome, SkipCause } from '../model/dependency.ts'
import type { Logger } from '../model/logger.ts'
import type { StateReader } from '../state/store.ts'
import type { DependencyState } from '../state/transition.ts'

/** The most lines for one dependency in a window. The next line says how many were left out. */
const maxLines = 10
const windowMs = 60_000

interface Quota {
  from: number
  lines: number
  suppressed: number
}

/** Writes until the returned function is called. */
export function logChanges(state: StateReader, logger: Logger): () => void {
  const quotas = new Map<string, Quota>()
  const changed = (state: DependencyState, previous?: DependencyState, outcome?: CheckOutcome) => {
    if (outcome !== undefined) logger.debug(debugFields(state, outcome), 'check')
    if (previous === undefined || previous.status === state.status) return
    const suppressed = spend(quotas, state)
    if (suppressed === undefined) return
    const fields = { ...changeFields(state, previous, outcome), ...(suppressed > 0 && { suppressed }) }
    write(logger, state, fields)
  }
  return state.subscribe({
    changed,
    removed: ({ dependency }) => void quotas.delete(dependency.name),
    replaced({ forgotten }) {
      for (const name of forgotten) quotas.delete(name)
    },
  })
}

function write(logger: Logger, { status }: DependencyState, fields: object): void {
  if (status === 'up') logger.info(fields, 'dependency is up')
  else logger.warn(fields, status === 'down' ? 'dependency is down' : 'dependency is unknown')
}

function changeFields(state: DependencyState, previous: DependencyState, outcome?: CheckOutcome): object {
  const { dependency, status, last } = state
  const { name, kind, target, critical } = dependency
  const failure = status === 'down' && last?.ok === false ? describeFailure(last) : {}
  const silence = outcome !== undefined && 'skipped' in outcome ? describeSilence(outcome.skipped) : {}
  const change = { dependency: name, kind, target, critical, from: previous.status, to: status }
  return { ...change, ...failure, ...silence }
}

/** Only a skipped check shows that a status has become stale, so its cause is why there was no result. */
function describeSilence(skipped: SkipCause): object {
  return { skipped, cause: silences[skipped] }
}

const silences: Readonly<Record<SkipCause, string>> = {
  overlap: 'the check has not returned since its deadline, and is not called again before it does',
  lag: 'this process stood still',
  overload: 'too many checks were in progress, or this process has no descriptors, memory or ports left',
}

function debugFields({ dependency }: DependencyState, outcome: CheckOutcome): object {
  if ('skipped' in outcome) return { dependency: dependency.name, ...outcome }
  const { ok, durationMs } = outcome
  return {
    dependency: dependency.name,
    ok,
    durationMs: Math.round(durationMs),
    ...(outcome.ok ? {} : describeFailure(outcome)),
  }
}

function describeFailure({
  reason,
  detail,
  message,
}: {
  reason: string
  detail: string
  message: string
}): object {
  return { reason, detail, cause: message }
}

/** Uses up one line of the quota. Returns the number of lines left out before it; undefined if it is left out as well. */
function spend(quotas: Map<string, Quota>, { dependency, since }: DependencyState): number | undefined {
  const now = since.monotonicAt
  const known = quotas.get(dependency.name)
  const fresh = known === undefined || now - known.from >= windowMs
  const quota = fresh ? { from: now, lines: 0, suppressed: known?.suppressed ?? 0 } : known
  quotas.set(dependency.name, quota)
  if (quota.lines >= maxLines) {
    quota.suppressed++
    return undefined
  }
  const { suppressed } = quota
  quota.lines++
  quota.suppressed = 0
  return suppressed
}
