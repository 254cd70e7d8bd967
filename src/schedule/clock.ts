/** Time, timers and our own stalls as the schedule uses them. Handed in, so that tests need not sleep. */
import type { Clock } from '../model/dependency.ts'

/** A clock that can also call back. */
export interface TimerClock extends Clock {
  /** Calls once when `now()` has reached the time, never earlier than the next turn. Returns what cancels it. */
  at(time: number, call: () => void): () => void
  /** Resolves after the event loop has read what waited in its sockets. */
  turn(): Promise<void>
}

/** Node's timers fire every millisecond beyond this; no duration of ours comes near. */
const maxDelayMs = 2 ** 31 - 1

/** The process's own clock. */
export function createSystemClock(): TimerClock {
  const now = () => performance.now()
  return {
    now,
    wall: () => Date.now(),
    at(time, call) {
      const timer = setTimeout(call, Math.min(Math.max(0, time - now()), maxDelayMs))
      return () => clearTimeout(timer)
    },
    async turn() {
      await immediate()
      await immediate()
    },
  }
}

function immediate(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

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
