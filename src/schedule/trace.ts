/** Keeps what a checker tells of its check: phases, measurements, trace id. */
import { randomBytes } from 'node:crypto'
import type { CheckContext, CheckError, Clock, Measurements, Phase, Phases } from '../model/dependency.ts'

/** The part of a check's context that records. */
type Recording = Pick<CheckContext, 'enter' | 'measure' | 'traceparent' | 'presume'>

export interface Trace extends Recording {
  /** The phase that the check is in. */
  phase(): Phase | undefined
  /** The failure that a passed deadline stands for, if the checker has presumed one. */
  presumed(): CheckError | undefined
  /** All that was told until now; the current phase ends here. */
  read(): { phases: Phases; measurements: Measurements; traceId?: string }
}

export function createTrace(clock: Clock): Trace {
  const phases: Partial<Record<Phase, number>> = {}
  const measurements: Record<string, number> = {}
  let current: Phase | undefined
  let enteredAt = 0
  let traceId: string | undefined
  let presumed: CheckError | undefined
  const leave = () => {
    if (current !== undefined) phases[current] = (phases[current] ?? 0) + clock.now() - enteredAt
    enteredAt = clock.now()
  }
  return {
    phase: () => current,
    presumed: () => presumed,
    presume(failure) {
      presumed = failure
    },
    enter(phase) {
      leave()
      current = phase
    },
    measure(name, value) {
      measurements[name] = value
    },
    // Version 00, a random parent id, sampled: W3C Trace Context, section 3.2.
    traceparent() {
      traceId ??= randomBytes(16).toString('hex')
      return `00-${traceId}-${traceId.slice(0, 16)}-01`
    },
    read() {
      leave()
      return {
        phases: { ...phases },
        measurements: { ...measurements },
        ...(traceId !== undefined && { traceId }),
      }
    },
  }
}
