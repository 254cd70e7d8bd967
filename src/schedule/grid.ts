/** When a dependency's checks fall due: pure arithmetic on the monotonic clock, in milliseconds. */
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

/**
 * The first tick later than `after` on the dependency's own grid: `startedAt + (fraction + k) × interval`.
 *
 * The quotient only says where to look. It may round to either side of a whole number when `after` is a tick itself, so
 * ticks are compared as they are, each always computed from its own number `k`.
 */
export function nextTick(fraction: number, intervalMs: number, startedAt: number, after: number): number {
  const origin = startedAt + fraction * intervalMs
  let k = Math.floor((after - origin) / intervalMs)
  while (origin + k * intervalMs <= after) k++
  return origin + k * intervalMs
}
