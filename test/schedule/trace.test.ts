import { expect, test } from 'vitest'
import { createTrace } from '../../src/schedule/run.ts'
import { createFakeClock } from '../support/clock.ts'

test('a check that sent no trace has no id', () => {
  expect(createTrace(createFakeClock()).read()).toEqual({ phases: {}, measurements: {}, traceId: undefined })
})

test('all requests of one check are one trace, as W3C Trace Context writes it', () => {
  const trace = createTrace(createFakeClock())
  const [first, second] = [trace.traceparent(), trace.traceparent()]
  expect(first).toBe(second)
  const [, id, parent] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(first) ?? []
  expect(trace.read().traceId).toBe(id)
  expect(id?.startsWith(parent ?? '?')).toBe(true)
  expect(createTrace(createFakeClock()).traceparent()).not.toBe(first)
})

test('what was read does not change afterwards', async () => {
  const clock = createFakeClock()
  const trace = createTrace(clock)
  trace.enter('dns')
  await clock.advance(5)
  const read = trace.read()
  trace.measure('late', 1)
  await clock.advance(5)
  expect(read).toEqual({ phases: { dns: 5 }, measurements: {} })
  expect(trace.read()).toEqual({ phases: { dns: 10 }, measurements: { late: 1 } })
})
