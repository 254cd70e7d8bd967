import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { Family } from '../../src/exposition/family.ts'
import { createHistogram } from '../../src/exposition/histogram.ts'
import { accepts, bodyOf, everyType } from './families.ts'

function example() {
  const histogram = createHistogram({ buckets: [0.1, 1], native: {}, createdSeconds: 1_700_000_000 })
  histogram.observe(0.05)
  histogram.observe(0.5, { labels: { trace_id: 'slow' }, timestamp: 1_700_000_002 })
  histogram.observe(5, { labels: { trace_id: 'slower' }, timestamp: 1_700_000_003 })
  const exposition = createExposition()
  const group = exposition.group(everyType)
  group.set('a', { name: 'a', value: 1, histogram })
  group.set('b', {
    name: 'say "b"\\\n',
    value: Number.NaN,
    histogram: createHistogram({ buckets: [], createdSeconds: 5 }),
  })
  return exposition
}

test('text 0.0.4', async () => {
  const response = await example().respond(accepts.text, undefined)
  expect(response.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(String(bodyOf(response))).toBe(`# HELP thing_up Says "up" \\\\ or\\nnot.
# TYPE thing_up gauge
thing_up{thing="a"} 1
thing_up{thing="say \\"b\\"\\\\\\n"} NaN
# HELP thing_checks_total Checks.
# TYPE thing_checks_total counter
thing_checks_total{thing="a"} 3
thing_checks_total{thing="say \\"b\\"\\\\\\n"} 3
# HELP thing_seconds Durations.
# TYPE thing_seconds histogram
thing_seconds_bucket{thing="a",le="0.1"} 1
thing_seconds_bucket{thing="a",le="1"} 2
thing_seconds_bucket{thing="a",le="+Inf"} 3
thing_seconds_sum{thing="a"} 5.55
thing_seconds_count{thing="a"} 3
thing_seconds_bucket{thing="say \\"b\\"\\\\\\n",le="+Inf"} 0
thing_seconds_sum{thing="say \\"b\\"\\\\\\n"} 0
thing_seconds_count{thing="say \\"b\\"\\\\\\n"} 0
`)
})

test('OpenMetrics 1.0', async () => {
  const response = await example().respond(accepts.openMetrics, undefined)
  expect(response.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const trace = '# {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.25 1700000001.5'
  expect(String(bodyOf(response))).toBe(`# HELP thing_up Says \\"up\\" \\\\ or\\nnot.
# TYPE thing_up gauge
thing_up{thing="a"} 1
thing_up{thing="say \\"b\\"\\\\\\n"} NaN
# HELP thing_checks Checks.
# TYPE thing_checks counter
thing_checks_total{thing="a"} 3 ${trace}
thing_checks_created{thing="a"} 1700000000.25
thing_checks_total{thing="say \\"b\\"\\\\\\n"} 3 ${trace}
thing_checks_created{thing="say \\"b\\"\\\\\\n"} 1700000000.25
# HELP thing_seconds Durations.
# TYPE thing_seconds histogram
thing_seconds_bucket{thing="a",le="0.1"} 1
thing_seconds_bucket{thing="a",le="1.0"} 2 # {trace_id="slow"} 0.5 1700000002
thing_seconds_bucket{thing="a",le="+Inf"} 3 # {trace_id="slower"} 5 1700000003
thing_seconds_sum{thing="a"} 5.55
thing_seconds_count{thing="a"} 3
thing_seconds_created{thing="a"} 1700000000
thing_seconds_bucket{thing="say \\"b\\"\\\\\\n",le="+Inf"} 0
thing_seconds_sum{thing="say \\"b\\"\\\\\\n"} 0
thing_seconds_count{thing="say \\"b\\"\\\\\\n"} 0
thing_seconds_created{thing="say \\"b\\"\\\\\\n"} 5
# EOF
`)
})

async function show(family: Family<undefined>, accept: string): Promise<string> {
  const exposition = createExposition()
  exposition.group([family]).set('', undefined)
  return String(bodyOf(await exposition.respond(accept, undefined)))
}

test('a series without labels has no braces', async () => {
  const family = { name: 'a', help: '', type: 'gauge', samples: () => [{ labels: {}, value: 1 }] } as const
  expect(await show(family, accepts.text)).toContain('\na 1\n')
})

test('a gauge has no creation time and no exemplar, and keeps its name', async () => {
  const exemplar = { labels: { id: 'x' }, value: 1, timestamp: 2 }
  const samples = () => [{ labels: {}, value: 1, created: 5, exemplar }]
  const family = { name: 'a_total', help: 'A', type: 'gauge', samples } as const
  expect(await show(family, accepts.openMetrics)).toBe(
    '# HELP a_total A\n# TYPE a_total gauge\na_total 1\n# EOF\n',
  )
})

test('a counter is named in OpenMetrics without its last _total alone', async () => {
  const samples = () => [{ labels: {}, value: 1, created: 5 }]
  const family = { name: 'a_total_b_total', help: 'A', type: 'counter', samples } as const
  expect(await show(family, accepts.openMetrics)).toBe(
    '# HELP a_total_b A\n# TYPE a_total_b counter\na_total_b_total 1\na_total_b_created 5\n# EOF\n',
  )
})

test('an exemplar on a bound stands in the bucket that it bounds', async () => {
  const histogram = createHistogram({ buckets: [1, 2], createdSeconds: 1 })
  histogram.observe(1, { labels: { id: 'x' }, timestamp: 2 })
  const samples = () => [{ labels: {}, histogram: histogram.value() }]
  const body = await show({ name: 'a', help: '', type: 'histogram', samples }, accepts.openMetrics)
  expect(body.match(/.*# \{.*/g)).toEqual(['a_bucket{le="1.0"} 1 # {id="x"} 1 2'])
})

test.each([
  [{ id: 'x'.repeat(126) }, true],
  [{ id: 'x'.repeat(127) }, false],
  [{ id: 'x'.repeat(100), of: 'y'.repeat(24) }, true],
  [{ id: 'x'.repeat(100), of: 'y'.repeat(25) }, false],
])('an exemplar with labels of 128 characters or fewer is shown: %j %s', async (labels, shown) => {
  const samples = () => [{ labels: {}, value: 1, exemplar: { labels, value: 1, timestamp: 2 } }]
  const body = await show({ name: 'x_total', help: '', type: 'counter', samples }, accepts.openMetrics)
  expect(body.includes('# {id=')).toBe(shown)
})

test('several labels, a text of any length, and a counter of unknown age', async () => {
  const exposition = createExposition()
  const families: readonly Family<{ readonly long: string }>[] = [
    {
      name: 'long_total',
      type: 'counter',
      help: 'Long.',
      samples: ({ long }) => [{ labels: { a: '1', b: long, c: '3' }, value: 2 }],
    },
  ]
  const group = exposition.group(families)
  for (const length of [1, 2_000, 100_000]) {
    const long = '€'.repeat(length)
    group.set('x', { long })
    expect(String(bodyOf(await exposition.respond(accepts.openMetrics, undefined)))).toBe(
      `# HELP long Long.\n# TYPE long counter\nlong_total{a="1",b="${long}",c="3"} 2\n# EOF\n`,
    )
  }
})
