/** The durations of the rules, which follow from how often Prometheus scrapes and how often dependencies are checked. */
import type { Dependency } from '../model/dependency.ts'
import { formatDuration } from '../model/notation.ts'

/** Durations as Prometheus writes them. */
export interface Timing {
  /** How far back a lost scrape is bridged. */
  readonly lookback: string
  /** What must hold this long is no accident of a scrape. */
  readonly confirm: string
  /** Longer than a restart, a reload or a rollout of one instance takes. */
  readonly settle: string
  /** What does not wake anybody may take its time. */
  readonly patience: string
  /** Longer than a stall of Pulsecheck of ten minutes. */
  readonly stall: string
  /** Contains enough checks for a 99th percentile. */
  readonly sample: string
  /** Contains enough checks to tell flapping from two outages. */
  readonly flapping: string
  /** The shortest window of burn rates, in milliseconds. */
  readonly burnMs: number
  /** How late checks may start, in seconds. */
  readonly lagSeconds: number
}

/** 15 s for scrapes and checks: the defaults of most Prometheus servers and of Pulsecheck. */
const usualMs = 15_000

/** @param dependencies of the config; none for any config, whose intervals are then the default ones. */
export function timing(scrapeIntervalMs: number, dependencies: readonly Dependency[] = []): Timing {
  const scrapes = (count: number) => formatDuration(count * scrapeIntervalMs)
  const intervals = dependencies.map(({ intervalMs }) => intervalMs)
  const slowest = Math.max(...(intervals.length === 0 ? [usualMs] : intervals))
  const fastest = Math.min(...(intervals.length === 0 ? [usualMs] : intervals))
  const pledged = dependencies.filter(({ slo }) => slo !== undefined).map(({ intervalMs }) => intervalMs)
  const atLeast = (scrapes: number, checks: number) =>
    formatDuration(wholeMinutes(Math.max(scrapes * scrapeIntervalMs, checks * slowest)))
  return {
    lookback: scrapes(8),
    confirm: scrapes(4),
    settle: scrapes(20),
    patience: scrapes(40),
    stall: atLeast(60, 2),
    sample: atLeast(40, 20),
    flapping: atLeast(240, 40),
    burnMs: wholeMinutes(Math.max(20 * scrapeIntervalMs, ...pledged.map(ms => 4 * ms))),
    lagSeconds: Math.min(1, Math.max(0.25, fastest / 2_000)),
  }
}

/** Above a minute, whole minutes: `17m` reads better than `16m40s`. */
function wholeMinutes(ms: number): number {
  return ms <= 60_000 ? ms : 60_000 * Math.ceil(ms / 60_000)
}
