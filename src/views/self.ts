/** The families that a monitor has about itself. */

import { readFileSync } from 'node:fs'
import type { Family, HistogramValue, NumberSample } from '../exposition/family.ts'

/** What a monitor knows of itself at one moment. */
export interface Self {
  readonly ready: boolean
  readonly checksInFlight: number
  readonly schedulerLag: HistogramValue
  readonly build: { readonly version: string; readonly nodeVersion: string }
}

/** Bounds of the scheduler's lag in seconds: a millisecond is usual, a second is alarming. */
export const lagBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
]

export const selfFamilies: readonly Family<Self>[] = [
  gauge(
    'pulsecheck_ready',
    'Whether /readyz returns 200: every critical dependency is up and the process is not shutting down.',
    self => one(Number(self.ready)),
  ),
  gauge('pulsecheck_build_info', 'The running version; always 1.', ({ build }) => [
    { labels: { version: build.version, nodeversion: build.nodeVersion }, value: 1 },
  ]),
  {
    name: 'pulsecheck_scheduler_lag_seconds',
    type: 'histogram',
    help: 'Time between the scheduled and the actual start of checks.',
    samples: ({ schedulerLag }) => [{ labels: {}, histogram: schedulerLag }],
  },
  gauge('pulsecheck_checks_in_flight', 'Checks in flight.', self => one(self.checksInFlight)),
]

/** A gauge about Pulsecheck itself. */
export function gauge<Subject>(
  name: string,
  help: string,
  samples: (subject: Subject) => readonly NumberSample[],
): Family<Subject> {
  return { name, type: 'gauge', help, samples }
}

/** The one sample of a family without labels. */
export function one(value: number): readonly NumberSample[] {
  return [{ labels: {}, value }]
}

/** Reads the version of this package from its package.json. */
export function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return manifest.version
}
