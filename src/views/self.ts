/** The families about a monitor itself. */
import type { Family, HistogramValue, NumberSample } from '../exposition/family.ts'

/** What a monitor knows of itself at one moment. */
export interface Self {
  readonly ready: boolean
  readonly checksInFlight: number
  readonly schedulerLag: HistogramValue
  readonly build: { readonly version: string; readonly nodeVersion: string }
}

/** Bounds of the scheduler's lag, in seconds: a millisecond is usual, a second is an alarm. */
export const lagBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

export const selfFamilies: readonly Family<Self>[] = [
  gauge(
    'pulsecheck_ready',
    'Whether /readyz answers 200: every critical dependency is up and we are not draining.',
    self => one(Number(self.ready)),
  ),
  gauge('pulsecheck_build_info', 'The running version; always 1.', ({ build }) => [
    { labels: { version: build.version, nodeversion: build.nodeVersion }, value: 1 },
  ]),
  {
    name: 'pulsecheck_scheduler_lag_seconds',
    type: 'histogram',
    help: 'How late checks started, measured against their planned moment.',
    samples: ({ schedulerLag }) => [{ labels: {}, histogram: schedulerLag }],
  },
  gauge('pulsecheck_checks_in_flight', 'Checks under way.', self => one(self.checksInFlight)),
]

function gauge(name: string, help: string, samples: (self: Self) => readonly NumberSample[]): Family<Self> {
  return { name, type: 'gauge', help, samples }
}

function one(value: number): readonly NumberSample[] {
  return [{ labels: {}, value }]
}
