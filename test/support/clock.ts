/** A clock that stands until a test moves it. */
import type { TimerClock } from '../../src/schedule/clock.ts'

export interface FakeClock extends TimerClock {
  /** Lets time pass: timers fire in order, each at its own moment, and what they start gets its turn. */
  advance(ms: number): Promise<void>
  /** Lets time pass while the loop stands still: whatever falls due fires late, all at the end. */
  stall(ms: number): Promise<void>
  /** Moves the wall clock alone, as an administrator or NTP does. */
  shiftWall(ms: number): void
  /** Timers that wait. */
  readonly pending: number
}

/** @param startNow what the monotonic clock shows at first: `performance.now()` gives any fraction. */
export function createFakeClock(startWall = Date.UTC(2026, 0, 1), startNow = 1_000): FakeClock {
  let now = startNow
  let wall = startWall
  /** In the order in which they fire. */
  const timers: Timer[] = []
  const pass = (until: number) => {
    wall += until - now
    now = until
  }
  const fireUntil = async (until: number) => {
    for (let next = timers[0]; next !== undefined && next.time <= until; next = timers[0]) {
      timers.shift()
      pass(Math.max(now, next.time))
      next.call()
      await loopTurn()
    }
  }
  return {
    now: () => now,
    wall: () => wall,
    at(time, call) {
      const timer = { time, call }
      timers.splice(placeOf(time, timers), 0, timer)
      return () => {
        const i = timers.indexOf(timer)
        if (i >= 0) timers.splice(i, 1)
      }
    },
    turn: loopTurn,
    async advance(ms) {
      const until = now + ms
      await loopTurn()
      await fireUntil(until)
      pass(until)
      await loopTurn()
    },
    async stall(ms) {
      pass(now + ms)
      await fireUntil(now)
      await loopTurn()
    },
    shiftWall(ms) {
      wall += ms
    },
    get pending() {
      return timers.length
    },
  }
}

interface Timer {
  readonly time: number
  readonly call: () => void
}

/** Behind all that fire before it or with it. */
function placeOf(time: number, timers: readonly Timer[]): number {
  let [low, high] = [0, timers.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((timers[middle]?.time ?? 0) <= time) low = middle + 1
    else high = middle
  }
  return low
}

/** Whatever is ready runs: promises, and what they put off to the next turn. */
async function loopTurn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
}
