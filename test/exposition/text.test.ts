import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
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
  expect(String(await bodyOf(response))).toBe(`# HELP thing_up Says "up" \\\\ or\\nnot.
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
  expect(String(await bodyOf(response))).toBe(`# HELP thing_up Says \\"up\\" \\\\ or\\nnot.
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

test.each([
  [128, true],
  [129, false],
])('an exemplar with labels of %d characters is shown: %s', async (length, shown) => {
  const exposition = createExposition()
  const exemplar = { labels: { id: 'x'.repeat(length - 2) }, value: 1, timestamp: 2 }
  const group = exposition.group([
    { name: 'x_total', help: '', type: 'counter', samples: () => [{ labels: {}, value: 1, exemplar }] },
  ])
  group.set('', undefined)
  const body = String(await bodyOf(await exposition.respond(accepts.openMetrics, undefined)))
  expect(body.includes('# {id=')).toBe(shown)
})
