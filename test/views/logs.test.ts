import { describe, expect, test } from 'vitest'
import type { Logger } from '../../src/model/logger.ts'
import { createStore } from '../../src/state/store.ts'
import { logChanges } from '../../src/views/logs.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

function setUp(startNow?: number) {
  const clock = createFakeClock(undefined, startNow)
  const store = createStore(clock)
  const lines: { level: string; fields: object; message: string }[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  logChanges(store, logger)
  store.put(dependency({ failureThreshold: 1 }))
  return { clock, store, lines, shown: () => lines.filter(({ level }) => level !== 'debug') }
}

describe('the log', () => {
  test('has one line for a change of status, and none for a check that changes nothing', () => {
    const { clock, store, shown } = setUp()
    for (const outcome of [success, success, success, failure, failure, success])
      store.record('orders-db', outcome(clock))
    expect(shown().map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'info: dependency is up',
      'warn: dependency is down',
      'info: dependency is up',
    ])
    expect(shown()[1]?.fields).toEqual({
      dependency: 'orders-db',
      kind: 'test',
      target: 'db:5432/orders',
      critical: true,
      from: 'up',
      to: 'down',
      reason: 'connection_error',
      detail: 'ECONNREFUSED',
      cause: 'connect ECONNREFUSED 127.0.0.1:5432',
    })
  })

  test('has a line for every check at debug', () => {
    const { clock, store, lines } = setUp()
    store.record('orders-db', success(clock))
    store.record('orders-db', { skipped: 'lag', count: 3 })
    store.record('orders-db', failure(clock))
    expect(lines.filter(({ level }) => level === 'debug')).toStrictEqual([
      { level: 'debug', message: 'check', fields: { dependency: 'orders-db', ok: true, durationMs: 5 } },
      { level: 'debug', message: 'check', fields: { dependency: 'orders-db', skipped: 'lag', count: 3 } },
      {
        level: 'debug',
        message: 'check',
        fields: {
          dependency: 'orders-db',
          ok: false,
          durationMs: 5,
          reason: 'connection_error',
          detail: 'ECONNREFUSED',
          cause: 'connect ECONNREFUSED 127.0.0.1:5432',
        },
      },
    ])
  })

  test('says that a dependency became unknown', async () => {
    const { clock, store, shown } = setUp()
    store.record('orders-db', success(clock))
    await clock.advance(60_000)
    store.record('orders-db', { skipped: 'overlap', count: 1 })
    expect(shown().at(-1)).toMatchObject({
      level: 'warn',
      message: 'dependency is unknown',
      fields: { from: 'up', to: 'unknown' },
    })
  })

  test.each([
    ['overlap', /has not returned since its deadline/],
    ['lag', /this process stood still/],
    ['overload', /too many checks were in progress/],
  ] as const)('says why nothing was heard: %s', async (skipped, cause) => {
    const { clock, store, shown } = setUp()
    store.record('orders-db', success(clock))
    await clock.advance(60_000)
    store.record('orders-db', { skipped, count: 1 })
    expect(shown().at(-1)?.fields).toMatchObject({ skipped, cause: expect.stringMatching(cause) })
  })

  test('gives reason and detail for what is down alone', async () => {
    const { clock, store, shown } = setUp()
    store.record('orders-db', failure(clock))
    await clock.advance(60_000)
    store.record('orders-db', { skipped: 'overlap', count: 1 })
    store.record('orders-db', success(clock))
    expect(shown().map(({ fields }) => ['reason', 'detail'].map(key => key in fields))).toEqual([
      [true, true],
      [false, false],
      [false, false],
    ])
  })

  test.each([59_999, 60_000])('counts lines by the minute: a flood %i ms ago', async ms => {
    const { clock, store, shown } = setUp(1_000_000)
    for (let i = 0; i < 20; i++) store.record('orders-db', i % 2 === 0 ? success(clock) : failure(clock))
    expect(shown()).toHaveLength(10)
    await clock.advance(ms)
    store.record('orders-db', success(clock))
    expect(shown()).toHaveLength(ms < 60_000 ? 10 : 11)
  })

  test('counts anew for a name that was removed', () => {
    const { clock, store, shown } = setUp()
    for (let i = 0; i < 20; i++) store.record('orders-db', i % 2 === 0 ? success(clock) : failure(clock))
    store.remove('orders-db')
    store.put(dependency())
    store.record('orders-db', success(clock))
    expect(shown()).toHaveLength(11)
    expect(shown().at(-1)?.fields).not.toHaveProperty('suppressed')
  })

  test('is not flooded by one that flaps, and says how much it left out', async () => {
    const { clock, store, shown } = setUp()
    for (let i = 0; i < 50; i++) {
      await clock.advance(100)
      store.record('orders-db', i % 2 === 0 ? success(clock) : failure(clock))
    }
    expect(shown()).toHaveLength(10)
    await clock.advance(60_000)
    store.record('orders-db', success(clock))
    expect(shown().at(-1)?.fields).toMatchObject({ suppressed: 40 })
  })
})
