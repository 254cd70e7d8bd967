/** Subjects of which every family has something to say. */

import { createHistogram } from '../../src/exposition/histogram.ts'
import { tcp } from '../../src/kinds/tcp.ts'
import { parseDependency } from '../../src/model/definition.ts'
import { type CheckSuccess, phases, tlsNotAfter } from '../../src/model/dependency.ts'
import { initialState, transition } from '../../src/state/transition.ts'
import type { DependencySubject } from '../../src/views/families.ts'
import type { Self } from '../../src/views/self.ts'
import { noFailures, type Reloads } from '../../src/views/service.ts'

const { dependency } = parseDependency('shop', tcp, { url: 'tcp://shop:1' })
const success: CheckSuccess = {
  ok: true,
  at: 0,
  monotonicAt: 0,
  durationMs: 1,
  phases: Object.fromEntries(phases.map(phase => [phase, 1])),
  measurements: { [tlsNotAfter]: 1 },
}
const histogram = createHistogram({ buckets: [1], createdSeconds: 0 }).value()

export const fullSubject: DependencySubject = {
  state: transition(initialState(dependency, { now: () => 0, wall: () => 0 }), success),
  status: 'up',
  durations: histogram,
}

export const fullSelf: Self = {
  ready: true,
  checksInFlight: 0,
  schedulerLag: histogram,
  build: { version: '0', nodeVersion: '0' },
}

export const fullReloads: Reloads = {
  config: { successful: true, successAt: 0 },
  failures: noFailures,
  unusableFiles: 0,
  web: { successful: true, successAt: 0 },
  shard: { index: 0, total: 2 },
}
