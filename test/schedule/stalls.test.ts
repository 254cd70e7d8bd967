import { expect, test } from 'vitest'
import { createStalls } from '../../src/schedule/clock.ts'
import { createFakeClock } from '../support/clock.ts'

function setUp() {
  const clock = createFakeClock()
  const stalls = createStalls(clock)
  stalls.start()
  return { clock, stalls }
}

test('a loop that turns loses nothing, however long', async () => {
  const { clock, stalls } = setUp()
  await clock.advance(100_000)
  expect(stalls.total()).toBe(0)
})

test('beats a quarter of a second apart; 50 ms late is a busy loop, and more is a stall', async () => {
  for (const [late, lost] of [
    [50, 0],
    [51, 51],
  ] as const) {
    const { clock, stalls } = setUp()
    await clock.stall(250 + late)
    expect(stalls.total()).toBe(lost)
  }
})

test('the present stall counts already, and what was lost adds up', async () => {
  const { clock, stalls } = setUp()
  await clock.stall(1_250)
  expect(stalls.total()).toBe(1_000)
  let seen = 0
  // Fires before the beat that is due at the same time, as the loop comes back.
  clock.at(clock.now() + 249, () => {
    seen = stalls.total()
  })
  await clock.stall(2_250)
  expect(seen).toBe(3_000)
  expect(stalls.total()).toBe(3_000)
})

test('stops with what it has, and leaves no timer', async () => {
  const { clock, stalls } = setUp()
  clock.at(clock.now() + 249, () => stalls.stop())
  await clock.stall(750)
  expect([stalls.total(), clock.pending]).toEqual([500, 0])
  await clock.advance(10_000)
  expect(stalls.total()).toBe(500)
})

test('started twice it beats once', () => {
  const { clock, stalls } = setUp()
  stalls.start()
  expect(clock.pending).toBe(1)
})
