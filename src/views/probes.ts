/** The verdicts that probes ask for, kept until something changes, and the time since which they hold. */
import type { StateReader } from '../state/store.ts'
import { type DependencyState, staleFrom, statusAt } from '../state/transition.ts'
import {
  freshUntil,
  hasStarted,
  isAlive,
  overallStatus,
  type Readiness,
  readiness,
  silenceLimitMs,
} from './health.ts'

/** The verdict on the whole, and since when it holds. */
export interface Verdict extends Readiness {
  /** When the status began, in Unix milliseconds; undefined while draining, and without dependencies. */
  readonly since: number | undefined
}

/** What the probes answer, from memory. */
export interface Probes {
  /** Returns the same object until a status changes, so that its rendering can be kept with it. */
  readiness(): Verdict
  /** Whether the verdict is ready or degraded. Costs nothing, however many dependencies there are. */
  ready(): boolean
  /** Whether the scheduler is running. No dependency matters. */
  alive(): boolean
  /** Whether every critical dependency has been up once. It then stays true. */
  started(): boolean
  /** Makes it not ready, until it is taken back. */
  drain(): void
  /** Takes a drain back, for a new start. */
  resume(): void
}

/** @param stalledMs returns for how many milliseconds our own event loop has stood still since the start. */
export function createProbes(state: StateReader, stalledMs: () => number): Probes {
  const overall = trackOverall(state)
  let draining = false
  let wasStarted = false
  let kept: { verdict: Verdict; revision: number; until: number } | undefined
  let silence: { revision: number; limitMs: number } | undefined
  let stalledBefore = stalledMs()
  state.subscribe({
    changed(_state, _previous, outcome) {
      if (outcome !== undefined && !('skipped' in outcome)) stalledBefore = stalledMs()
    },
    replaced() {},
  })
  return {
    readiness() {
      const { revision, now } = state.pulse()
      if (kept === undefined || kept.revision !== revision || now > kept.until) {
        const snapshot = state.snapshot()
        const since = draining ? undefined : overall.since()
        const verdict = { ...readiness(snapshot, draining), since }
        kept = { verdict, revision, until: freshUntil(snapshot) }
      }
      return kept.verdict
    },
    ready: () => !draining && overall.status() !== 'unavailable',
    alive() {
      const pulse = state.pulse()
      if (silence?.revision !== pulse.revision) {
        silence = { revision: pulse.revision, limitMs: silenceLimitMs(state.snapshot()) }
      }
      return isAlive(pulse, stalledMs() - stalledBefore, silence.limitMs)
    },
    started() {
      wasStarted ||= hasStarted(state.snapshot())
      return wasStarted
    },
    drain() {
      draining = true
      kept = undefined
    },
    resume() {
      draining = false
      kept = undefined
    },
  }
}

interface Overall {
  status(): Readiness['status']
  /** In Unix milliseconds; undefined without dependencies. */
  since(): number | undefined
}

interface Member {
  readonly critical: boolean
  readonly isUp: boolean
  /** The monotonic time after which it is stale; infinite if staleness changes nothing. */
  readonly staleFrom: number
}

/**
 * Follows since when the whole has had its status. A snapshot does not show it: if one failure begins before another ends,
 * no dependency has been down for as long as the whole. A status that becomes stale counts from that moment, whether or
 * not anybody looked.
 */
function trackOverall(state: StateReader): Overall {
  const members = new Map<string, Member>()
  const missing = { critical: 0, other: 0 }
  let kept: { readonly status: Readiness['status']; readonly at: number } | undefined
  /** No dependency becomes stale before this monotonic time. */
  let firstStaleFrom = Number.POSITIVE_INFINITY

  const count = (member: Member | undefined, step: 1 | -1) => {
    if (member === undefined || member.isUp) return
    missing[member.critical ? 'critical' : 'other'] += step
  }
  const put = (name: string, member: Member) => {
    count(members.get(name), -1)
    members.set(name, member)
    count(member, 1)
    firstStaleFrom = Math.min(firstStaleFrom, member.staleFrom)
  }
  const drop = (name: string) => {
    count(members.get(name), -1)
    members.delete(name)
  }
  const settle = (at: number) => {
    const status = overallStatus(missing.critical, missing.other)
    if (kept?.status !== status) kept = { status, at }
  }
  /** Applies staleness in the order in which it came. Looks at all dependencies only if one may have become stale. */
  const age = () => {
    const pulse = state.pulse()
    const { at, now } = pulse
    if (now <= firstStaleFrom) return pulse
    const stale: [string, Member][] = []
    firstStaleFrom = Number.POSITIVE_INFINITY
    for (const [name, member] of members) {
      if (member.staleFrom < now) stale.push([name, member])
      else if (member.staleFrom < firstStaleFrom) firstStaleFrom = member.staleFrom
    }
    for (const [name, member] of stale.sort(([, a], [, b]) => a.staleFrom - b.staleFrom)) {
      put(name, { ...member, isUp: false, staleFrom: Number.POSITIVE_INFINITY })
      settle(at - (now - member.staleFrom))
    }
    return pulse
  }
  state.subscribe({
    changed(changed) {
      const { at, now } = age()
      put(changed.dependency.name, memberOf(changed, now))
      settle(at)
    },
    removed({ dependency }) {
      const { at } = age()
      drop(dependency.name)
      settle(at)
    },
    replaced({ after, forgotten, changed }) {
      const { at, now } = age()
      for (const name of forgotten) drop(name)
      for (const name of changed) {
        const state = after.get(name)
        if (state !== undefined) put(name, memberOf(state, now))
      }
      settle(at)
    },
  })
  return {
    status() {
      age()
      return overallStatus(missing.critical, missing.other)
    },
    since() {
      age()
      return members.size === 0 ? undefined : kept?.at
    },
  }
}

function memberOf(state: DependencyState, now: number): Member {
  const isUp = statusAt(state, now) === 'up'
  const { critical } = state.dependency
  return { critical, isUp, staleFrom: isUp ? (staleFrom(state) ?? now) : Number.POSITIVE_INFINITY }
}
