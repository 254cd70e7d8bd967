/** Time and timers as the schedule uses them. Handed in, so that these rooms are tested without sleeping. */
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
