import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import { createProcessMetrics } from '../../src/views/service.ts'
import { until } from '../support/net.ts'

test('the metrics of the process come out as families', async () => {
  const { families, read, prepare } = await createProcessMetrics()
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  await until(async () => {
    await prepare()
    return read().get('nodejs_gc_duration_seconds')?.values?.length !== 0
  }, 'a collection is measured')
  const exposition = createExposition()
  exposition.collect(families, read, prepare)
  const { body } = await exposition.respond(undefined, undefined)
  const text = Buffer.isBuffer(body) ? body.toString() : ''
  expect(text).toContain('# TYPE process_cpu_seconds_total counter\n')
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m)
  expect(text).toMatch(
    /^nodejs_version_info\{version="v\d+\.\d+\.\d+",major="\d+",minor="\d+",patch="\d+"\} 1$/m,
  )
  expect(text).toContain('# TYPE nodejs_gc_duration_seconds histogram\n')
  expect(text).toMatch(/^nodejs_gc_duration_seconds_count\{kind="major"\} [1-9]/m)
  expect(text).not.toContain('nodejs_active_handles_total')
  const bounds = text.matchAll(/^nodejs_gc_duration_seconds_bucket\{kind="major",le="([^"]+)"\}/gm)
  expect([...bounds].map(([, le]) => le)).toEqual(['0.001', '0.01', '0.1', '1', '2', '5', '+Inf'])
  // A collection takes less than a second: its sum is no whole number, as a count is.
  expect(text).toMatch(/^nodejs_gc_duration_seconds_sum\{kind="major"\} 0\.\d+$/m)
  const openMetrics = await exposition.respond('application/openmetrics-text;version=1.0.0', undefined)
  const created = [...String(openMetrics.body).matchAll(/^(\w+)_created(?:\{.*\})? (\S+)$/gm)]
  expect(created.map(([, name]) => name)).toContain('process_cpu_seconds')
  expect(created.map(([, name]) => name)).not.toContain('process_resident_memory_bytes')
  for (const [, , at] of created) expect(Math.abs(Number(at) - Date.now() / 1_000)).toBeLessThan(3_600)
})

test('what is not measured has no samples, and gauges have no beginning', async () => {
  const { families, read } = await createProcessMetrics()
  for (const { samples } of families) expect(samples(new Map())).toEqual([])
  const gauge = families.find(({ name }) => name === 'process_resident_memory_bytes')!
  expect(gauge.samples(read())).toStrictEqual([{ labels: {}, value: expect.any(Number), created: undefined }])
})
