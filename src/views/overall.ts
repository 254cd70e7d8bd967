/**
 * When the status of the whole became what it is. A snapshot cannot tell: where one failure hands over to the next, no
 * dependency has been down for as long as the whole. Statuses that grow stale count from the moment at which they did,
 * whether or not anybody looked.
 */
import type { StateReader } from '../state/store.ts'
import { type DependencyState, staleFrom, statusAt } from '../state/transition.ts'
import { overallStatus, type Readiness } from './health.ts'

export interface Overall {
  /** In Unix milliseconds; undefined without dependencies. */
  since(): number | undefined
}

interface Member {
  readonly critical: boolean
  readonly isUp: boolean
  /** Monotonic time from which it is stale; infinite if it cannot worsen by age. */
  readonly staleFrom: number
}

export function createOverall(state: StateReader): Overall {
  const members = new Map<string, Member>()
  const missing = { critical: 0, other: 0 }
  let kept: { readonly status: Readiness['status']; readonly at: number } | undefined
  /** Nobody grows stale before this monotonic time. */
  let freshUntil = Number.POSITIVE_INFINITY

  const count = (member: Member | undefined, step: 1 | -1) => {
    if (member === undefined || member.isUp) return
    missing[member.critical ? 'critical' : 'other'] += step
  }
  const put = (name: string, member: Member) => {
    count(members.get(name), -1)
    members.set(name, member)
    count(member, 1)
    freshUntil = Math.min(freshUntil, member.staleFrom)
  }
  const settle = (at: number) => {
    const status = overallStatus(missing.critical, missing.other)
    if (kept?.status !== status) kept = { status, at }
  }
  /** Lets those that grew stale do so in their order. Looks at all of them only when one may have. */
  const age = () => {
    const { at, now } = state.pulse()
    if (now <= freshUntil) return
    const stale = [...members].filter(([, member]) => member.staleFrom < now)
    for (const [name, member] of stale.sort(([, a], [, b]) => a.staleFrom - b.staleFrom)) {
      put(name, { ...member, isUp: false, staleFrom: Number.POSITIVE_INFINITY })
      settle(at - (now - member.staleFrom))
    }
    freshUntil = [...members.values()].reduce(
      (first, { staleFrom }) => Math.min(first, staleFrom),
      Number.POSITIVE_INFINITY,
    )
  }
  state.subscribe({
    changed(changed) {
      age()
      const { at, now } = state.pulse()
      put(changed.dependency.name, memberOf(changed, now))
      settle(at)
    },
    removed({ dependency }) {
      age()
      count(members.get(dependency.name), -1)
      members.delete(dependency.name)
      settle(state.pulse().at)
    },
  })
  return {
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
