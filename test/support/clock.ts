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
  let order = 0
  const timers = new Map<number, { time: number; call: () => void }>()
  const earliest = (until: number) => {
    let first: [number, { time: number; call: () => void }] | undefined
    for (const each of timers)
      if (each[1].time <= until && (first === undefined || each[1].time < first[1].time)) first = each
    return first
  }
  const pass = (until: number) => {
    wall += until - now
    now = until
  }
  const fireUntil = async (until: number) => {
    for (let next = earliest(until); next !== undefined; next = earliest(until)) {
      const [id, { time, call }] = next
      timers.delete(id)
      pass(Math.max(now, time))
      call()
      await loopTurn()
    }
  }
  return {
    now: () => now,
    wall: () => wall,
    at(time, call) {
      const id = order++
      timers.set(id, { time, call })
      return () => timers.delete(id)
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
      return timers.size
    },
  }
}

/** Whatever is ready runs: promises, and what they put off to the next turn. */
async function loopTurn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
}
