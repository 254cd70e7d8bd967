/** Time, timers and stalls of our own event loop. Handed in, so that tests need not sleep. */
import type { Clock } from '../model/dependency.ts'

/** A clock that can also call back. */
export interface TimerClock extends Clock {
  /** Calls back once `now()` has reached the time, at the next turn at the earliest. Returns a function that cancels it. */
  at(time: number, call: () => void): () => void
  /** Resolves after the event loop has read the data waiting in its sockets. */
  turn(): Promise<void>
}

/** Beyond this delay, Node's timers fire after one millisecond. No duration of ours comes near it. */
const maxDelayMs = 2 ** 31 - 1

/** The process's own clock. It keeps the functions of its beginning: an application's tests may replace them later. */
export function createSystemClock(): TimerClock {
  const { setTimeout, clearTimeout, setImmediate } = globalThis
  const now = performance.now.bind(performance)
  const wall = Date.now.bind(Date)
  const immediate = () => new Promise(resolve => setImmediate(resolve))
  return {
    now,
    wall,
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

/** The time between two beats. A delay within the tolerance counts as a busy loop, not as a stall. */
const beatMs = 250
const toleranceMs = 50

export interface Stalls {
  /** Milliseconds lost to stalls since the start, the present one included. */
  total(): number
  start(): void
  stop(): void
}

/** Measures stalls by a beat that fires late: in between, the loop was blocked, frozen or starved. */
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
