/** When a dependency's checks fall: pure arithmetic on the monotonic clock, in milliseconds. */
import { createHash } from 'node:crypto'

/** The first checks of all dependencies are spread over at most this. */
const maxSpreadMs = 1_000

/** A number in [0, 1) that depends on the name alone: stable over restarts, even over many names. */
export function fraction(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32
}

/** Delay of a first check, or of the first after a long stall. */
export function spreadMs(fraction: number, intervalMs: number): number {
  return fraction * Math.min(intervalMs, maxSpreadMs)
}

/** The first moment after `after` on the dependency's own grid: `startedAt + (fraction + k) × interval`. */
export function nextTick(fraction: number, intervalMs: number, startedAt: number, after: number): number {
  const origin = startedAt + fraction * intervalMs
  return origin + (Math.floor((after - origin) / intervalMs) + 1) * intervalMs
}
