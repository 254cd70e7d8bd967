import { describe, expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { type Logger, logChanges } from '../../src/views/logs.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

function setUp() {
  const clock = createFakeClock()
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
    expect(lines.filter(({ level }) => level === 'debug').map(({ fields }) => fields)).toEqual([
      { dependency: 'orders-db', ok: true, durationMs: 5 },
      { dependency: 'orders-db', skipped: 'lag', count: 3 },
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
