/** The state of all dependencies in a sentence. Pure. */
import type { Snapshot } from '../state/store.ts'
import { asOf, type DependencyState } from '../state/transition.ts'

/**
 * What is wrong, or that nothing is: `1 of 4 critical dependencies is down`. What keeps us from being ready comes first;
 * what only degrades is told after it.
 */
export function summary({ states, at, now }: Snapshot, draining: boolean): string {
  const present = states.map(state => asOf(state, { at, monotonicAt: now }))
  const [critical, others] = [present.filter(isCritical), present.filter(state => !isCritical(state))]
  const [missing, degrading] = [critical.filter(isMissing), others.filter(isMissing)]
  const faults = [
    ...(missing.length > 0 ? [fault(missing, critical.length, 'critical')] : []),
    ...(degrading.length > 0 ? [fault(degrading, others.length, 'non-critical')] : []),
  ]
  if (draining) return ['shutting down', ...faults].join('; ')
  if (present.length === 0) return 'there are no dependencies'
  if (faults.length > 0) return faults.join('; ')
  return present.length === 1 ? 'the only dependency is up' : `all ${present.length} dependencies are up`
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
