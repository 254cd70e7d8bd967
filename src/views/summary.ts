/** The state of all dependencies in a sentence, and since when it holds. Pure. */
import type { Snapshot } from '../state/store.ts'
import { asOf, type DependencyState } from '../state/transition.ts'

export interface Summary {
  /** What is wrong, or that nothing is: `1 of 4 critical dependencies is down`. */
  readonly sentence: string
  /** When it began, in Unix milliseconds; undefined while shutting down, and without dependencies. */
  readonly since?: number
}

/** What keeps us from being ready comes first; what only degrades is told after it. */
export function summary({ states, at, now }: Snapshot, draining: boolean): Summary {
  const present = states.map(state => asOf(state, { at, monotonicAt: now }))
  const [critical, others] = [present.filter(isCritical), present.filter(state => !isCritical(state))]
  const [missing, degrading] = [critical.filter(isMissing), others.filter(isMissing)]
  const faults = [
    ...(missing.length > 0 ? [fault(missing, critical.length, 'critical')] : []),
    ...(degrading.length > 0 ? [fault(degrading, others.length, 'non-critical')] : []),
  ]
  if (draining) return { sentence: ['shutting down', ...faults].join('; ') }
  if (present.length === 0) return { sentence: 'there are no dependencies' }
  if (faults.length > 0) {
    const began = times(missing.length > 0 ? missing : degrading)
    return { sentence: faults.join('; '), since: began.reduce((first, time) => Math.min(first, time)) }
  }
  const sentence =
    present.length === 1 ? 'the only dependency is up' : `all ${present.length} dependencies are up`
  return { sentence, since: times(present).reduce((last, time) => Math.max(last, time)) }
}

/** `2 of 4 critical dependencies are down, 1 is unknown` */
function fault(missing: readonly DependencyState[], total: number, sort: string): string {
  const down = missing.filter(({ status }) => status === 'down').length
  const unknown = missing.length - down
  const noun = total === 1 ? 'dependency' : 'dependencies'
  const of = `of ${total} ${sort} ${noun}`
  if (down === 0) return `${unknown} ${of} ${be(unknown)} unknown`
  const first = `${down} ${of} ${be(down)} down`
  return unknown === 0 ? first : `${first}, ${unknown} ${be(unknown)} unknown`
}

function be(count: number): string {
  return count === 1 ? 'is' : 'are'
}

function isCritical({ dependency }: DependencyState): boolean {
  return dependency.critical
}

function isMissing({ status }: DependencyState): boolean {
  return status !== 'up'
}

function times(states: readonly DependencyState[]): readonly number[] {
  return states.map(({ since }) => since.at)
}
