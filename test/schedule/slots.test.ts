import { describe, expect, test } from 'vitest'
import { type Claim, createSlots } from '../../src/schedule/slots.ts'
import { createFakeClock } from '../support/clock.ts'

/** Slots of which a test sees who has started and who was asked to give way, in order. */
function setUp(limit: number) {
  const clock = createFakeClock()
  const slots = createSlots(limit, clock)
  const started: string[] = []
  const asked: string[] = []
  const take = (name: string, { hangs = false, gaveWay = 0, usualMs = 0 } = {}): Claim => {
    const claim = {
      hangs,
      gaveWay,
      usualMs,
      start: () => started.push(name),
      giveWay: () => asked.push(name),
    }
    slots.take(claim)
    return claim
  }
  return { clock, slots, started, asked, take }
}

const hangs = { hangs: true }

describe('what is known to hang', () => {
  test('gets half of the slots, in turn, and leaves its share to the next when it is over', () => {
    const { slots, started, take } = setUp(4)
    const [first, second] = ['a', 'b', 'c', 'd'].map(name => take(name, hangs))
    expect(started).toEqual(['a', 'b'])
    slots.release(first!)
    expect(started).toEqual(['a', 'b', 'c'])
    slots.release(second!)
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    expect(slots.used).toBe(2)
  })

  test('waits behind all that is not', () => {
    const { slots, started, take } = setUp(1)
    const first = take('first')
    take('hung', hangs)
    const well = take('well')
    slots.release(first)
    expect(started).toEqual(['first', 'well'])
    slots.release(well)
    expect(started).toEqual(['first', 'well', 'hung'])
  })

  test('gets the only slot when nothing else wants it, and keeps it to its end', async () => {
    const { clock, started, asked, take } = setUp(1)
    take('hung', hangs)
    take('well')
    await clock.advance(3_000)
    expect([started, asked]).toEqual([['hung'], []])
  })
})

describe('what runs for too long while others wait', () => {
  test('may stay as long as nobody waits', async () => {
    const { clock, asked, take } = setUp(1)
    take('slow')
    await clock.advance(60_000)
    expect([asked, clock.pending]).toEqual([[], 0])
  })

  test('fills the hanging half first; the next gives way, for as many as wait', async () => {
    const { clock, slots, started, asked, take } = setUp(4)
    const claims = ['a', 'b', 'c', 'd'].map(name => take(name))
    take('e')
    await clock.advance(2_000)
    expect(asked).toEqual(['c'])
    slots.release(claims[2]!)
    expect(started).toEqual(['a', 'b', 'c', 'd', 'e'])
    await clock.advance(10_000)
    expect(asked).toEqual(['c'])
    // The half of `a` and `b` is given back with them.
    take('f', hangs)
    slots.release(claims[0]!)
    expect(started.at(-1)).toBe('f')
  })

  test('is asked the sooner the more wait: all are to start within a second', async () => {
    const askedAfter = async (waiting: number) => {
      const { clock, asked, take } = setUp(1)
      take('slow')
      for (let i = 0; i < waiting; i++) take(`waiting-${i}`)
      for (let ms = 0; ; ms += 5) {
        if (asked.length > 0) return ms
        await clock.advance(5)
      }
    }
    expect([await askedAfter(1), await askedAfter(10), await askedAfter(1_000)]).toEqual([1_000, 100, 20])
  })

  test('is not asked before twice its usual time, nor twice', async () => {
    const { clock, asked, take } = setUp(1)
    take('slow', { usualMs: 800 })
    take('well')
    await clock.advance(1_500)
    expect(asked).toEqual([])
    await clock.advance(5_000)
    expect(asked).toEqual(['slow'])
  })

  test('comes back behind what has given way less often, with more time', async () => {
    const { clock, slots, started, asked, take } = setUp(1)
    const first = take('first')
    const back = take('back', { gaveWay: 2 })
    const fresh = take('fresh')
    slots.release(first)
    expect(started).toEqual(['first', 'fresh'])
    slots.release(fresh)
    for (let i = 0; i < 100; i++) take(`${i}`)
    await clock.advance(300)
    expect(asked).toEqual([])
    await clock.advance(50)
    expect(asked).toEqual(['back'])
    slots.release(back)
    expect(started.at(-1)).toBe('0')
  })
})

test('what leaves the queue does not start, and leaves no timer', () => {
  const { clock, slots, started, take } = setUp(1)
  const first = take('first')
  slots.leave(take('second'))
  expect(clock.pending).toBe(0)
  slots.release(first)
  expect([started, slots.used]).toEqual([['first'], 0])
})
