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

export function createFakeClock(startWall = Date.UTC(2026, 0, 1)): FakeClock {
  let now = 1_000
  let wall = startWall
  let order = 0
  const timers = new Map<number, { time: number; call: () => void }>()
  const earliest = (until: number) =>
    [...timers]
      .filter(([, { time }]) => time <= until)
      .sort((a, b) => a[1].time - b[1].time || a[0] - b[0])[0]
  const pass = (ms: number) => {
    now += ms
    wall += ms
  }
  const fireUntil = async (until: number) => {
    for (let next = earliest(until); next !== undefined; next = earliest(until)) {
      const [id, { time, call }] = next
      timers.delete(id)
      pass(Math.max(0, time - now))
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
      pass(until - now)
      await loopTurn()
    },
    async stall(ms) {
      pass(ms)
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
