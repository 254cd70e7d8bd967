import { afterEach, describe, expect, test } from 'vitest'
import type { Checker, CheckOutcome, Dependency } from '../../src/dependency.ts'
import type { TimerClock } from '../../src/schedule/clock.ts'
import { createScheduler } from '../../src/schedule/scheduler.ts'
import { createFakeClock } from '../support/clock.ts'
import { deferred, dependency } from '../support/dependency.ts'

const hang: Checker['check'] = signal =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

let stop = async () => {}
afterEach(() => stop())

/** A scheduler that writes down when each check started, and every outcome. */
function setUp(
  dependencies: readonly Dependency[],
  { maxConcurrentChecks = 100, confirm = (): boolean => false, clock = createFakeClock() } = {},
) {
  const startedAt = clock.now()
  const starts: Record<string, number[]> = {}
  const outcomes: CheckOutcome[] = []
  const lags: number[] = []
  const spied = (one: Dependency): Dependency => ({
    ...one,
    open: resolve => {
      const inner = one.open(resolve)
      return {
        ...inner,
        check: (signal, trace) => {
          starts[one.name] = [...(starts[one.name] ?? []), clock.now() - startedAt]
          return inner.check(signal, trace)
        },
      }
    },
  })
  const report = (_one: Dependency, outcome: CheckOutcome) => {
    outcomes.push(outcome)
    return !('skipped' in outcome) && confirm()
  }
  const made = createScheduler({
    clock,
    resolve: async () => [],
    maxConcurrentChecks,
    report,
    lag: ms => lags.push(ms),
  })
  stop = async () => void (await Promise.all([made.stop(), clock.advance(500)]))
  for (const one of dependencies) made.add(spied(one))
  return {
    clock,
    starts,
    outcomes,
    lags,
    scheduler: made,
    spied,
    skips: () => outcomes.filter(each => 'skipped' in each),
  }
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => Math.round(time - times[i]!))
}

describe('the schedule', () => {
  test.each([47.918273, 1_003.123456, 100_000 / 3, 8_154_999.0000001, 31_536_000_123.456])(
    'from %d on, checks once on every tick and skips none',
    async startNow => {
      const fake = createFakeClock(undefined, startNow)
      // Timers of Node fire up to a millisecond early: they drop the fraction of their delay.
      const at: TimerClock['at'] = (time, call) =>
        fake.at(fake.now() + Math.max(1, Math.trunc(time - fake.now())), call)
      const intervals = [11, 17, 20, 23, 33, 47, 50, 70, 100]
      const many = intervals.map(intervalMs =>
        dependency(
          { name: `every-${intervalMs}`, intervalMs, timeoutMs: intervalMs, confirmIntervalMs: intervalMs },
          () => new Promise(resolve => fake.at(fake.now() + 3, resolve)),
        ),
      )
      const { clock, starts, skips, scheduler } = setUp(many, { clock: { ...fake, at } })
      scheduler.start()
      await clock.advance(20_000)
      expect(skips()).toEqual([])
      for (const intervalMs of intervals) {
        const times = starts[`every-${intervalMs}`]!
        const expected = 20_000 / intervalMs
        expect(Math.abs(times.length - expected), `${intervalMs}: ${times.length}`).toBeLessThanOrEqual(2)
        // The first check runs beside the grid.
        const ticks = times.slice(1).map(time => Math.round((time - times[1]!) / intervalMs))
        expect(ticks).toEqual(ticks.map((_, i) => i))
      }
    },
  )

  test('spreads first checks over one second, then keeps each to its own grid', async () => {
    const many = Array.from({ length: 50 }, (_, i) => dependency({ name: `db-${i}` }))
    const { clock, starts, scheduler } = setUp(many)
    scheduler.start()
    await clock.advance(1_000)
    const firsts = Object.values(starts).map(times => times[0]!)
    expect(firsts).toHaveLength(50)
    expect(new Set(firsts).size).toBe(50)
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeGreaterThan(500)
    await clock.advance(60_000)
    for (const times of Object.values(starts))
      expect(gaps(times.slice(1)).every(gap => gap === 15_000)).toBe(true)
  })

  test('does not drift, however long the checks take', async () => {
    const { clock, starts, scheduler } = setUp([
      dependency(
        { intervalMs: 1_000, timeoutMs: 900 },
        () => new Promise(resolve => clock.at(clock.now() + 333, resolve)),
      ),
    ])
    scheduler.start()
    await clock.advance(600_000)
    const times = starts['orders-db']!
    expect(times.length).toBeGreaterThanOrEqual(600)
    expect((times.at(-1)! - times[1]!) % 1_000).toBeCloseTo(0, 3)
  })

  test('is the same after a restart: the phase is a hash of the name', async () => {
    const phase = async () => {
      const { clock, starts, scheduler } = setUp([dependency()])
      scheduler.start()
      await clock.advance(40_000)
      return starts['orders-db']
    }
    expect(await phase()).toEqual(await phase())
  })

  test('does not move with the wall clock', async () => {
    const { clock, starts, scheduler } = setUp([dependency()])
    scheduler.start()
    await clock.advance(20_000)
    clock.shiftWall(-10 * 365 * 86_400_000)
    await clock.advance(40_000)
    expect(gaps(starts['orders-db']!.slice(1))).toEqual(
      [15_000, 15_000, 15_000].slice(0, starts['orders-db']!.length - 2),
    )
  })

  test('checks again after confirmInterval while a result contradicts the status', async () => {
    let wanted = 3
    const { clock, starts, scheduler } = setUp([dependency({ confirmIntervalMs: 250 })], {
      confirm: () => wanted-- > 0,
    })
    scheduler.start()
    await clock.advance(1_500)
    expect(gaps(starts['orders-db']!)).toEqual([250, 250, 250])
  })

  test('skips and counts a tick that finds its checker still busy', async () => {
    const stuck = deferred()
    const { clock, starts, outcomes, scheduler } = setUp([dependency({}, () => stuck.promise)])
    scheduler.start()
    await clock.advance(60_000)
    expect(starts['orders-db']).toHaveLength(1)
    expect(outcomes[0]).toMatchObject({ ok: false, reason: 'timeout' })
    expect(outcomes.slice(1).every(outcome => 'skipped' in outcome && outcome.skipped === 'overlap')).toBe(
      true,
    )
    expect(outcomes.length).toBeGreaterThanOrEqual(4)
    stuck.resolve()
    await clock.advance(15_000)
    expect(starts['orders-db']).toHaveLength(2)
  })

  test('after a long stall runs each once, spread, and counts what fell into it', async () => {
    const many = Array.from({ length: 20 }, (_, i) => dependency({ name: `db-${i}` }))
    const { clock, starts, outcomes, scheduler, lags } = setUp(many)
    scheduler.start()
    await clock.advance(20_000)
    for (const name of Object.keys(starts)) starts[name] = []
    outcomes.length = 0
    await clock.stall(600_000)
    expect(Object.values(starts).flat()).toEqual([])
    await clock.advance(1_000)
    const soon = Object.values(starts).map(times => times[0]!)
    expect(soon).toHaveLength(20)
    expect(new Set(soon).size).toBe(20)
    const skipped = outcomes.flatMap(outcome => ('skipped' in outcome ? [outcome] : []))
    expect(skipped.every(({ skipped, count }) => skipped === 'lag' && (count === 38 || count === 39))).toBe(
      true,
    )
    expect(Math.max(...lags)).toBeGreaterThan(500_000)
  })

  test('a short stall only makes a check late', async () => {
    const { clock, starts, scheduler, skips } = setUp([dependency({ intervalMs: 2_000, timeoutMs: 500 })])
    scheduler.start()
    await clock.advance(2_000)
    await clock.stall(900)
    await clock.advance(5_000)
    expect(skips()).toEqual([])
    expect(starts['orders-db']!.length).toBeGreaterThanOrEqual(4)
  })
})

describe('the concurrency limit', () => {
  test('keeps slots for what works when half hangs', async () => {
    const hanging = Array.from({ length: 40 }, (_, i) => dependency({ name: `hung-${i}` }, hang))
    const working = Array.from({ length: 40 }, (_, i) =>
      dependency({ name: `well-${i}`, intervalMs: 1_000, timeoutMs: 500 }),
    )
    const { clock, starts, outcomes, scheduler } = setUp([...hanging, ...working], {
      maxConcurrentChecks: 10,
    })
    scheduler.start()
    await clock.advance(30_000)
    for (const name of Object.keys(starts)) starts[name] = []
    await clock.advance(30_000)
    for (const { name } of working) expect(starts[name]).toHaveLength(30)
    expect(outcomes.some(outcome => 'skipped' in outcome && outcome.skipped === 'overload')).toBe(true)
  })

  test('lets checks wait in order rather than drop them', async () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      dependency({ name: `db-${i}` }, () => new Promise(resolve => clock.at(clock.now() + 100, resolve))),
    )
    const { clock, starts, scheduler, skips } = setUp(many, { maxConcurrentChecks: 2 })
    scheduler.start()
    await clock.advance(1_000)
    expect(scheduler.inFlight()).toBe(2)
    await clock.advance(4_000)
    expect(Object.keys(starts)).toHaveLength(30)
    expect(skips()).toEqual([])
  })
})

describe('coming and going', () => {
  test('a dependency that is removed is aborted, closed and not reported', async () => {
    let closed = 0
    const { clock, outcomes, scheduler } = setUp([
      dependency({ open: () => ({ check: hang, close: async () => void closed++ }) }),
    ])
    scheduler.start()
    await clock.advance(1_000)
    expect(scheduler.inFlight()).toBe(1)
    scheduler.remove('orders-db')
    await clock.advance(60_000)
    expect([scheduler.inFlight(), closed, outcomes]).toEqual([0, 1, []])
  })

  test('one that is added later is checked within a second', async () => {
    const { clock, starts, scheduler, spied } = setUp([])
    scheduler.start()
    await clock.advance(7_000)
    scheduler.add(spied(dependency()))
    await clock.advance(1_000)
    expect(starts['orders-db']).toHaveLength(1)
  })

  test('stop leaves nothing, may come twice, and does not wait for what never comes back', async () => {
    const { clock, scheduler } = setUp([dependency({}, () => new Promise(() => {}))])
    scheduler.start()
    await clock.advance(1_000)
    await Promise.all([scheduler.stop(), scheduler.stop(), clock.advance(500)])
    expect(clock.pending).toBe(0)
  })

  test('stop before start is fine', async () => {
    const { clock, scheduler } = setUp([dependency()])
    await scheduler.stop()
    expect(clock.pending).toBe(0)
  })
})
