/** What probes ask, ready at hand: the verdicts of `health`, computed when something changed and kept until then. */
import type { StateReader } from '../state/store.ts'
import { alive, freshUntil, type Readiness, readiness, silenceLimitMs, started } from './health.ts'
import { createOverall } from './overall.ts'

export interface Verdict extends Readiness {
  /** When the status became what it is, in Unix milliseconds; missing while draining, and without dependencies. */
  readonly since?: number
}

export interface Probes {
  /** The same object until a status changes, so that its bytes may be kept with it. */
  readiness(): Verdict
  alive(): boolean
  started(): boolean
  /** From now on we are not ready, for good. */
  drain(): void
}

/** @param stalledMs milliseconds in which our own loop stood still, since its start. */
export function createProbes(state: StateReader, stalledMs: () => number): Probes {
  const overall = createOverall(state)
  let draining = false
  let hasStarted = false
  let kept: { verdict: Verdict; revision: number; until: number } | undefined
  let silence: { revision: number; limitMs: number } | undefined
  let stalledBefore = stalledMs()
  state.subscribe({
    changed(_state, _previous, outcome) {
      if (outcome !== undefined && !('skipped' in outcome)) stalledBefore = stalledMs()
    },
  })
  return {
    readiness() {
      const { revision, now } = state.pulse()
      if (kept === undefined || kept.revision !== revision || now > kept.until) {
        const snapshot = state.snapshot()
        const since = draining ? undefined : overall.since()
        const verdict = { ...readiness(snapshot, draining), ...(since !== undefined && { since }) }
        kept = { verdict, revision, until: freshUntil(snapshot) }
      }
      return kept.verdict
    },
    alive() {
      const pulse = state.pulse()
      if (silence?.revision !== pulse.revision) {
        silence = { revision: pulse.revision, limitMs: silenceLimitMs(state.snapshot()) }
      }
      return alive(pulse, stalledMs() - stalledBefore, silence.limitMs)
    },
    started() {
      hasStarted ||= started(state.snapshot())
      return hasStarted
    },
    drain() {
      draining = true
      kept = undefined
    },
  }
}
