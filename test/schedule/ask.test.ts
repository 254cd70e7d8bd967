import { describe, expect, test } from 'vitest'
import { CheckError, type Checker, type DependencyDefinition } from '../../src/model/dependency.ts'
import { askOnce, createAsker } from '../../src/schedule/ask.ts'
import { createStalls } from '../../src/schedule/clock.ts'
import { createFakeClock } from '../support/clock.ts'
import { definition } from '../support/dependency.ts'

const timeoutMs = 3_000
const starved = () => Promise.reject(Object.assign(new Error('socket'), { code: 'EMFILE' }))
const hang: Checker['check'] = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** A dependency whose checks come one after the other, the last again and again, and what became of its checker. */
function setUp(...checks: readonly Checker['check'][]) {
  const clock = createFakeClock()
  const stalls = createStalls(clock)
  stalls.start()
  const seen = { opened: 0, asked: 0, closed: 0 }
  const one: DependencyDefinition = {
    ...definition({ timeoutMs }),
    failures: { odd: ['unhealthy', 'It is odd.', 'Make it even.'] },
    redact: text => text.replaceAll('hunter22', '<secret>'),
    open: () => {
      seen.opened++
      return {
        check: context => (checks[seen.asked++] ?? checks.at(-1)!)(context),
        close: async () => void seen.closed++,
      }
    },
  }
  return { clock, seen, one, options: { clock, stalls, resolve: async () => [] } }
}

describe('an asker', () => {
  test('asks one checker again and again, by the timeout and the secrets of its dependency', async () => {
    const { clock, seen, one, options } = setUp(
      async () => {},
      hang,
      async () => {
        throw new Error('hunter22')
      },
    )
    const asker = createAsker(one, options)
    expect(await asker.ask().outcome).toMatchObject({ ok: true })
    const late = asker.ask()
    await clock.advance(timeoutMs)
    expect(await late.outcome).toMatchObject({ ok: false, reason: 'timeout', durationMs: timeoutMs })
    expect(await asker.ask().outcome).toMatchObject({ ok: false, message: '<secret>' })
    expect(seen).toEqual({ opened: 1, asked: 3, closed: 0 })
    await asker.close()
    expect(seen.closed).toBe(1)
  })

  test('explains a failure as its kind declares it', async () => {
    const { one, options } = setUp(() => Promise.reject(new CheckError('unhealthy', 'odd', 'it said 3')))
    const { outcome } = createAsker(one, options).ask()
    expect(await outcome).toMatchObject({
      message: 'it said 3',
      advice: { meaning: 'It is odd.', remedy: 'Make it even.' },
    })
  })

  test('takes a checker that has nothing to close', async () => {
    const { options } = setUp(hang)
    const open = () => ({ check: async () => {} })
    await createAsker({ ...definition(), open }, options).close()
    await askOnce({ ...definition(), open }, options).settled
  })
})

describe('asking once', () => {
  test('closes the checker when it has let go', async () => {
    const { seen, one, options } = setUp(async () => {})
    const asked = askOnce(one, options)
    expect(await asked.outcome).toMatchObject({ ok: true })
    await asked.settled
    expect(seen).toEqual({ opened: 1, asked: 1, closed: 1 })
  })

  test('asks a failed dependency no second time', async () => {
    const { seen, one, options } = setUp(() => Promise.reject(new Error('no')))
    expect(await askOnce(one, options).outcome).toMatchObject({ ok: false })
    expect(seen.asked).toBe(1)
  })

  test('asks again when the fault was our own, at most twice', async () => {
    const lucky = setUp(starved, starved, async () => {})
    expect(await askOnce(lucky.one, lucky.options).outcome).toMatchObject({ ok: true })
    expect(lucky.seen).toMatchObject({ opened: 1, asked: 3 })
    expect(lucky.clock.pending).toBe(1) // the stall meter's beat
    const unlucky = setUp(starved)
    const asked = askOnce(unlucky.one, unlucky.options)
    expect(await asked.outcome).toEqual({ skipped: 'overload', count: 1 })
    await asked.settled
    expect(unlucky.seen).toEqual({ opened: 1, asked: 3, closed: 1 })
  })

  test('that is given up does not begin again', async () => {
    const { seen, one, options } = setUp(hang)
    const asked = askOnce(one, options)
    asked.abort()
    expect(await asked.outcome).toEqual({ skipped: 'overload', count: 0 })
    await asked.settled
    expect(seen).toEqual({ opened: 1, asked: 1, closed: 1 })
  })

  test('waits one timeout for a checker that does not let go, and never asks it twice at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { clock, seen, one, options } = setUp(() => promise)
    const asked = askOnce(one, options)
    let isOver = false
    asked.outcome.then(() => {
      isOver = true
    })
    await clock.stall(2 * timeoutMs + 1_000)
    await clock.advance(timeoutMs - 1)
    expect([isOver, seen.asked]).toEqual([false, 1])
    await clock.advance(1)
    expect(await asked.outcome).toEqual({ skipped: 'lag', count: 1 })
    expect(seen).toEqual({ opened: 1, asked: 1, closed: 0 })
    resolve()
    await asked.settled
    expect(seen.closed).toBe(1)
  })
})
