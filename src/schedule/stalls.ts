/** How long our own event loop has stood still: time that no dependency may be blamed for. */
import type { TimerClock } from './clock.ts'

/** One beat's distance; a stall shorter than the tolerance is not told from a busy loop. */
const beatMs = 250
const toleranceMs = 50

export interface Stalls {
  /** Milliseconds lost to stalls since the start, the present one included. */
  total(): number
  start(): void
  stop(): void
}

/** Counts by a beat that fires late: the loop was blocked, frozen or starved in between. */
export function createStalls(clock: TimerClock): Stalls {
  let lost = 0
  let due = Number.POSITIVE_INFINITY
  let cancel = () => {}
  const overdue = () => {
    const late = clock.now() - due
    return late > toleranceMs ? late : 0
  }
  const plan = () => {
    due = clock.now() + beatMs
    cancel = clock.at(due, () => {
      lost += overdue()
      plan()
    })
  }
  return {
    total: () => lost + overdue(),
    start() {
      cancel()
      plan()
    },
    stop() {
      cancel()
      lost += overdue()
      due = Number.POSITIVE_INFINITY
    },
  }
}
