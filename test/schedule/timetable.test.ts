import { expect, test } from 'vitest'
import type { Checker, CheckOutcome } from '../../src/model/dependency.ts'
import { createStalls } from '../../src/schedule/clock.ts'
import type { Claim } from '../../src/schedule/slots.ts'
import { createTimetable, fractionOf } from '../../src/schedule/timetable.ts'
import { createFakeClock } from '../support/clock.ts'
import { definition } from '../support/dependency.ts'

const hang: Checker['check'] = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** One timetable, and slots that the test gives out itself. */
function setUp(check: Checker['check']) {
  const clock = createFakeClock()
  const claims: Claim[] = []
  const outcomes: CheckOutcome[] = []
  const lags: number[] = []
  const slots = { take: (claim: Claim) => void claims.push(claim), leave() {}, release() {}, used: 0 }
  const timetable = createTimetable(definition({}, check), {
    clock,
    slots,
    stalls: createStalls(clock),
    resolve: async () => [],
    report: (_, outcome) => {
      outcomes.push(outcome)
      return false
    },
    lag: ms => lags.push(ms),
  })
  timetable.start(clock.now())
  return { clock, claims, outcomes, lags, timetable, firstTick: 15_000 * fractionOf('orders-db') }
}

test('a check that waits serves the tick that comes next; every further tick is skipped by overload', async () => {
  const { clock, claims, outcomes, lags, firstTick } = setUp(async () => {})
  await clock.advance(firstTick + 1)
  expect([claims.length, outcomes]).toEqual([1, []])
  await clock.advance(30_000)
  const skipped = { skipped: 'overload', count: 1 }
  expect([claims.length, outcomes]).toEqual([1, [skipped, skipped]])
  claims[0]!.start()
  await clock.advance(0)
  expect(outcomes.at(-1)).toMatchObject({ ok: true })
  // It runs for the last of these ticks.
  expect(lags).toEqual([expect.closeTo(1, 3)])
})

test('a claim tells what the checks before it took, and whether they hung; a skipped one tells nothing', async () => {
  const starved = Object.assign(new Error('socket'), { code: 'EMFILE' })
  const answers: Checker['check'][] = [
    () => new Promise(resolve => clock.at(clock.now() + 40, resolve)),
    hang,
    () => Promise.reject(starved),
    () => Promise.reject(new Error('refused')),
    hang,
  ]
  const { clock, claims } = setUp(context => answers.shift()!(context))
  const told: unknown[] = []
  while (answers.length > 0) {
    while (claims.length === told.length) await clock.advance(1_000)
    const { hangs, gaveWay, usualMs } = claims.at(-1)!
    told.push([hangs, gaveWay, Math.round(usualMs)])
    claims.at(-1)!.start()
  }
  expect(told).toEqual([
    [false, 0, 0],
    [false, 0, 40],
    [true, 0, 40],
    [true, 0, 40],
    [false, 0, 40],
  ])
})

test('a check that gives way is not reported, and takes another slot once its checker has let go', async () => {
  const aborted: (() => void)[] = []
  const { clock, claims, outcomes, timetable } = setUp(
    ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => aborted.push(() => reject(signal.reason))),
      ),
  )
  await clock.advance(1_000)
  claims[0]!.start()
  claims[0]!.giveWay?.()
  await clock.advance(1_000)
  expect([claims.length, outcomes]).toEqual([1, []])
  aborted[0]!()
  await clock.advance(0)
  expect(claims.map(({ gaveWay }) => gaveWay)).toEqual([0, 1])
  expect(outcomes).toEqual([])
  await timetable.stop()
  expect(clock.pending).toBe(0)
})
