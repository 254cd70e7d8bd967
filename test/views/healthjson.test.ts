import { expect, test } from 'vitest'
import { healthJson, healthJsonStatusCode } from '../../src/views/healthjson.ts'
import { world } from '../server/serving.ts'

test('the statuses of the draft: the whole is the worst of its checks', () => {
  const w = world()
  const statuses = () => {
    const health = healthJson(w.monitor.statusParts())
    return [
      health.status,
      ...[...health.checks].map(([, [check]]) => check.status),
      healthJsonStatusCode(health),
    ]
  }
  expect(statuses()).toEqual(['fail', 'fail', 'warn', 503])
  w.record('orders-db', true)
  expect(statuses()).toEqual(['warn', 'pass', 'warn', 200])
  w.record('cache', true)
  expect(statuses()).toEqual(['pass', 'pass', 'pass', 200])
  w.record('cache', false)
  expect(statuses()).toEqual(['warn', 'pass', 'warn', 200])
  w.record('orders-db', false)
  expect(statuses()).toEqual(['fail', 'fail', 'warn', 503])
})

test('a check says what was observed, and why it does not pass', () => {
  const w = world()
  w.record('orders-db', true)
  w.record('cache', false)
  expect(Object.fromEntries(healthJson(w.monitor.statusParts()).checks)).toEqual({
    'orders-db:responseTime': [
      {
        componentId: 'orders-db',
        componentType: 'component',
        status: 'pass',
        observedValue: 0.005,
        observedUnit: 's',
        time: '2026-01-01T00:00:00.000Z',
      },
    ],
    'cache:responseTime': [
      {
        componentId: 'cache',
        componentType: 'component',
        status: 'warn',
        observedValue: 0.005,
        observedUnit: 's',
        time: '2026-01-01T00:00:00.000Z',
        output: 'unhealthy (http_503): says <b>no</b>',
      },
    ],
  })
})

test('what is not known says why', () => {
  const w = world()
  w.record('cache', true)
  w.pass(3_600_000)
  const checks = Object.fromEntries(healthJson(w.monitor.statusParts()).checks)
  expect(checks['orders-db:responseTime']?.[0].output).toBe('not checked yet')
  expect(checks['cache:responseTime']?.[0].output).toBe('no result since 2026-01-01T00:00:00.000Z')
})
