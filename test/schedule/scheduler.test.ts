import { afterEach, describe, expect, test } from 'vitest'
import type { Checker, CheckOutcome, Dependency, DependencyDefinition } from '../../src/model/dependency.ts'
import type { TimerClock } from '../../src/schedule/clock.ts'
import { createScheduler } from '../../src/schedule/scheduler.ts'
import { fractionOf } from '../../src/schedule/timetable.ts'
import { createFakeClock } from '../support/clock.ts'
import { deferred, definition } from '../support/dependency.ts'

const hang: Checker['check'] = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

let stop = async () => {}
afterEach(() => stop())

/** A scheduler that writes down when each check started, and every outcome. */
function setUp(
  dependencies: readonly DependencyDefinition[],
  { maxConcurrentChecks = 100, confirm = (): boolean => false, clock = createFakeClock() } = {},
) {
  const startedAt = clock.now()
  const starts: Record<string, number[]> = {}
  const outcomes: CheckOutcome[] = []
  const lags: number[] = []
  const spied = (one: DependencyDefinition): DependencyDefinition => ({
    ...one,
    open: () => {
      const inner = one.open()
      return {
        ...inner,
        check: context => {
          starts[one.dependency.name] = [...(starts[one.dependency.name] ?? []), clock.now() - startedAt]
          return inner.check(context)
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
        definition(
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
    const many = Array.from({ length: 50 }, (_, i) => definition({ name: `db-${i}` }))
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
      definition(
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
      const { clock, starts, scheduler } = setUp([definition()])
      scheduler.start()
      await clock.advance(40_000)
      return starts['orders-db']
    }
    expect(await phase()).toEqual(await phase())
  })

  test('does not move with the wall clock', async () => {
    const { clock, starts, scheduler } = setUp([definition()])
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
    const { clock, starts, scheduler } = setUp([definition({ confirmIntervalMs: 250 })], {
      confirm: () => wanted-- > 0,
    })
    scheduler.start()
    await clock.advance(1_500)
    expect(gaps(starts['orders-db']!)).toEqual([250, 250, 250])
  })

  test('confirms before the next tick or not at all: no tick is put off', async () => {
    const { clock, starts, scheduler } = setUp(
      [definition({ intervalMs: 1_000, timeoutMs: 1_000, confirmIntervalMs: 900 })],
      { confirm: () => true },
    )
    scheduler.start()
    await clock.advance(10_000)
    const tick = 1_000 * fractionOf('orders-db')
    const onTick = starts['orders-db']!.filter(time => Math.abs((time - tick) % 1_000) < 1)
    expect(onTick.length).toBeGreaterThanOrEqual(9)
  })

  test('skips and counts a tick that finds its checker still busy', async () => {
    const stuck = deferred()
    const { clock, starts, outcomes, scheduler } = setUp([definition({}, () => stuck.promise)])
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
    const many = Array.from({ length: 20 }, (_, i) => definition({ name: `db-${i}` }))
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
    const { clock, starts, scheduler, skips } = setUp([definition({ intervalMs: 2_000, timeoutMs: 500 })])
    scheduler.start()
    await clock.advance(2_000)
    await clock.stall(900)
    await clock.advance(5_000)
    expect(skips()).toEqual([])
    expect(starts['orders-db']!.length).toBeGreaterThanOrEqual(4)
  })
})

describe('the list of dependencies', () => {
  test('is checked from the start on, and started once', async () => {
    const { clock, starts, scheduler, spied } = setUp([definition({ name: 'a' })])
    await clock.advance(20_000)
    expect(starts).toEqual({})
    scheduler.start()
    scheduler.start()
    await clock.advance(1_000)
    scheduler.add(spied(definition({ name: 'b' })))
    await clock.advance(1_000)
    expect([starts.a?.length, starts.b?.length]).toEqual([1, 1])
  })

  test('says when each is checked next', async () => {
    const { clock, starts, scheduler } = setUp([definition({ name: 'a' })])
    expect([scheduler.nextCheckAt('a'), scheduler.nextCheckAt('b')]).toEqual([undefined, undefined])
    const origin = clock.now()
    scheduler.start()
    for (const i of [0, 1, 2]) {
      const next = scheduler.nextCheckAt('a')!
      await clock.advance(next - clock.now())
      expect(starts.a?.[i]).toBeCloseTo(next - origin, 3)
    }
  })

  test('loses what is removed: its check is aborted, unreported, and its checker closed', async () => {
    let closed = 0
    const one = definition({ name: 'a' }, hang, async () => void closed++)
    const { clock, outcomes, scheduler } = setUp([one])
    scheduler.start()
    await clock.advance(1_000)
    expect(scheduler.inFlight()).toBe(1)
    scheduler.remove('a')
    scheduler.remove('a')
    await clock.advance(60_000)
    expect([closed, outcomes, scheduler.inFlight(), scheduler.nextCheckAt('a')]).toEqual([
      1,
      [],
      0,
      undefined,
    ])
  })

  test('replaces what has the same name', async () => {
    const { clock, starts, scheduler, spied } = setUp([
      definition({ name: 'a', intervalMs: 1_000, timeoutMs: 500 }),
    ])
    scheduler.start()
    await clock.advance(5_000)
    scheduler.add(spied(definition({ name: 'a', intervalMs: 60_000 })))
    const before = starts.a!.length
    await clock.advance(10_000)
    expect(starts.a!.length - before).toBeLessThanOrEqual(2)
  })

  test('a check that waits for its slot when it is removed never starts', async () => {
    const many = ['a', 'b'].map(name => definition({ name }, hang))
    const { clock, starts, scheduler } = setUp(many, { maxConcurrentChecks: 1 })
    scheduler.start()
    await clock.advance(1_000)
    const [running = ''] = Object.keys(starts)
    scheduler.remove(running === 'a' ? 'b' : 'a')
    scheduler.remove(running)
    await clock.advance(60_000)
    expect(Object.keys(starts)).toEqual([running])
  })

  test('ends when all checkers have let go, or after half a second', async () => {
    for (const [letsGo, waitedMs] of [
      [true, 0],
      [false, 500],
    ] as const) {
      const { clock, scheduler } = setUp([definition({}, letsGo ? hang : () => new Promise(() => {}))])
      scheduler.start()
      await clock.advance(1_000)
      const from = clock.now()
      let endedAt: number | undefined
      const end = scheduler.stop().then(() => {
        endedAt = clock.now()
      })
      for (let i = 0; i < 10 && endedAt === undefined; i++) await clock.advance(100)
      await end
      expect(endedAt! - from - waitedMs).toBeLessThanOrEqual(letsGo ? 0 : 100)
      expect(endedAt! - from).toBeGreaterThanOrEqual(waitedMs)
      expect(clock.pending).toBe(0)
    }
  })

  test('tells how long the loop stood still', async () => {
    const { clock, scheduler } = setUp([])
    scheduler.start()
    await clock.stall(10_250)
    expect(scheduler.stalledMs()).toBe(10_000)
  })
})

describe('the concurrency limit', () => {
  /**
   * Half of many dependencies freeze and thaw: what was skipped of either half, how many checks of the healthy half there
   * were, and of each dependency the moments at which its timeouts were found.
   */
  async function freezing(maxConcurrentChecks: number) {
    const half = 250
    const skips = { well: 0, 'may hang': 0, causes: new Set<string>() }
    const timeouts = new Map<string, number>()
    const clock = createFakeClock()
    let frozen = false
    let checksOfWell = 0
    const answer = (signal: AbortSignal, isFrozen = false) =>
      new Promise<void>((resolve, reject) => {
        const cancel = isFrozen ? () => {} : clock.at(clock.now() + 5, resolve)
        signal.addEventListener('abort', () => {
          cancel()
          reject(signal.reason)
        })
      })
    const scheduler = createScheduler({
      clock,
      resolve: async () => [],
      maxConcurrentChecks,
      report({ name, kind }, outcome) {
        if ('skipped' in outcome) {
          skips[kind as 'well' | 'may hang'] += outcome.count
          skips.causes.add(outcome.skipped)
        } else if (kind === 'well') checksOfWell++
        else if (!outcome.ok) timeouts.set(name, (timeouts.get(name) ?? 0) + 1)
        return false
      },
    })
    stop = async () => void (await Promise.all([scheduler.stop(), clock.advance(500)]))
    for (let i = 0; i < half; i++) {
      scheduler.add(definition({ name: `well-${i}`, kind: 'well' }, ({ signal }) => answer(signal)))
      scheduler.add(
        definition({ name: `may-${i}`, kind: 'may hang' }, ({ signal }) => answer(signal, frozen)),
      )
    }
    return {
      clock,
      scheduler,
      skips,
      timeouts,
      half,
      freeze: (value: boolean) => {
        frozen = value
      },
      checksOfWell: () => checksOfWell,
    }
  }

  test.each([500, 50, 10, 3, 1])('of %d: the healthy lose nothing to half that hangs', async limit => {
    for (const frozenFirst of [true, false]) {
      const { clock, scheduler, skips, half, freeze, checksOfWell } = await freezing(limit)
      freeze(frozenFirst)
      scheduler.start()
      await clock.advance(31_000)
      freeze(true)
      const before = checksOfWell()
      await clock.advance(60_000)
      expect(skips.well).toBe(0)
      // Each once an interval; one at the edge may have waited a moment.
      expect(Math.abs(checksOfWell() - before - 4 * half)).toBeLessThan(half / 5)
      freeze(false)
      await clock.advance(30_000)
      const after = skips['may hang']
      await clock.advance(60_000)
      expect([skips.well, skips['may hang'] - after]).toEqual([0, 0])
      expect([...skips.causes].filter(cause => cause !== 'overload')).toEqual([])
      await stop()
    }
  })

  test('what hangs is found down in turn, each as often as the next', async () => {
    const { clock, scheduler, skips, timeouts, half, freeze } = await freezing(50)
    freeze(true)
    scheduler.start()
    // 25 slots of 3 s: all 250 have their turn in 30 s.
    await clock.advance(300_000)
    const turns = [...timeouts.values()]
    expect(turns).toHaveLength(half)
    expect(Math.min(...turns)).toBeGreaterThanOrEqual(8)
    expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(2)
    expect([skips.well, [...skips.causes]]).toEqual([0, ['overload']])
  })

  test('a check that gives way to others starts again, and is not reported', async () => {
    const slow = (name: string) =>
      definition(
        { name },
        ({ signal }) =>
          new Promise((resolve, reject) => {
            const cancel = clock.at(clock.now() + 200, resolve)
            signal.addEventListener('abort', () => {
              cancel()
              reject(signal.reason)
            })
          }),
      )
    const many = Array.from({ length: 30 }, (_, i) => slow(`slow-${i}`))
    const { clock, starts, outcomes, scheduler } = setUp(many, { maxConcurrentChecks: 1 })
    scheduler.start()
    await clock.advance(13_000)
    const begun = Object.values(starts).flat()
    expect(Object.keys(starts)).toHaveLength(30)
    expect(outcomes.length).toBeGreaterThanOrEqual(30)
    expect(begun.length).toBeGreaterThan(outcomes.length + 30)
    expect(outcomes.every(outcome => !('skipped' in outcome) && outcome.ok)).toBe(true)
  })

  test('lets checks wait in order rather than drop them', async () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      definition({ name: `db-${i}` }, () => new Promise(resolve => clock.at(clock.now() + 100, resolve))),
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
    const { clock, outcomes, scheduler } = setUp([definition({}, hang, async () => void closed++)])
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
    scheduler.add(spied(definition()))
    await clock.advance(1_000)
    expect(starts['orders-db']).toHaveLength(1)
  })

  test('stop leaves nothing, may come twice, and does not wait for what never comes back', async () => {
    const { clock, scheduler } = setUp([definition({}, () => new Promise(() => {}))])
    scheduler.start()
    await clock.advance(1_000)
    await Promise.all([scheduler.stop(), scheduler.stop(), clock.advance(500)])
    expect(clock.pending).toBe(0)
  })

  test('stop before start is fine', async () => {
    const { clock, scheduler } = setUp([definition()])
    await scheduler.stop()
    expect(clock.pending).toBe(0)
  })
})
