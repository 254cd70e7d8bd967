import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { Family } from '../../src/exposition/family.ts'
import { createHistogram } from '../../src/exposition/histogram.ts'
import { accepts, bodyOf, everyType, type Thing } from './families.ts'
import { nativeBuckets, parseProtobuf } from './parse-protobuf.ts'

async function decoded<Subject>(families: readonly Family<Subject>[], ...subjects: Subject[]) {
  const exposition = createExposition()
  const group = exposition.group(families)
  subjects.forEach((subject, i) => {
    group.set(String(i), subject)
  })
  return parseProtobuf(bodyOf(await exposition.respond(accepts.protobuf, undefined)))
}

function thing(histogram = createHistogram({ buckets: [], createdSeconds: 1 })): Thing {
  return { name: 'a', value: 1.5, histogram }
}

test('gauges and counters, with creation times and exemplars', async () => {
  const [gauge, counter] = await decoded(everyType, thing())
  const label = [{ name: 'thing', value: 'a' }]
  expect(gauge).toEqual({
    name: 'thing_up',
    help: 'Says "up" \\ or\nnot.',
    type: 'GAUGE',
    metric: [{ label, gauge: { value: 1.5 } }],
  })
  expect(counter).toEqual({
    name: 'thing_checks_total',
    help: 'Checks.',
    type: 'COUNTER',
    metric: [
      {
        label,
        counter: {
          value: 3,
          createdTimestamp: { seconds: 1_700_000_000, nanos: 250_000_000 },
          exemplar: {
            label: [{ name: 'trace_id', value: '0af7651916cd43dd8448eb211c80319c' }],
            value: 0.25,
            timestamp: { seconds: 1_700_000_001, nanos: 500_000_000 },
          },
        },
      },
    ],
  })
})

test('a histogram: classic buckets with exemplars, native buckets in spans and deltas beside them', async () => {
  const histogram = createHistogram({
    buckets: [1, 4],
    native: { schema: 0 },
    createdSeconds: 1_700_000_000.5,
  })
  for (const value of [0, 1, 1, 2, 3, 3, 3, 100]) histogram.observe(value)
  histogram.observe(50, { labels: { trace_id: 'slow' }, timestamp: 2 })
  const [, , family] = await decoded(everyType, thing(histogram))
  const slow = { label: [{ name: 'trace_id', value: 'slow' }], value: 50, timestamp: { seconds: 2 } }
  expect(family?.metric[0]?.histogram).toEqual({
    sampleCount: 9,
    sampleSum: 163,
    bucket: [
      { cumulativeCount: 3, upperBound: 1 },
      { cumulativeCount: 7, upperBound: 4 },
      {
        cumulativeCount: 9,
        upperBound: Number.POSITIVE_INFINITY,
        exemplar: expect.objectContaining({ value: 50 }),
      },
    ],
    zeroThreshold: 2 ** -128,
    schema: 0,
    zeroCount: 1,
    positiveSpan: [
      { offset: 0, length: 3 },
      { offset: 3, length: 2 },
    ],
    positiveDelta: [2, -1, 2, -2, 0],
    createdTimestamp: { seconds: 1_700_000_000, nanos: 500_000_000 },
    exemplars: [expect.objectContaining({ label: slow.label, value: 50 })],
  })
})

test('spans and deltas read back as the buckets they came from', async () => {
  const histogram = createHistogram({ buckets: [], native: {}, createdSeconds: 1 })
  for (let i = 0; i < 500; i++) histogram.observe(0.0001 * ((i * i * 7919) % 10_007))
  const [, , family] = await decoded(everyType, thing(histogram))
  const read = family?.metric[0]?.histogram
  expect(read?.bucket).toEqual([])
  expect(new Map([...nativeBuckets(read!)].sort())).toEqual(
    new Map([...(histogram.value().native?.positive ?? [])].sort()),
  )
})

test('without native buckets there is nothing of them, not even a zero threshold', async () => {
  const [, , family] = await decoded(everyType, thing(createHistogram({ buckets: [1], createdSeconds: 1 })))
  expect(family?.metric[0]?.histogram).not.toHaveProperty('zeroThreshold')
  expect(family?.metric[0]?.histogram).not.toHaveProperty('schema')
})

test('the bucket of +Inf is written only to carry an exemplar beside classic buckets', async () => {
  const boundsOf = async (histogram: Thing['histogram']) => {
    const [, , family] = await decoded(everyType, thing(histogram))
    return family?.metric[0]?.histogram?.bucket.map(({ upperBound }) => upperBound)
  }
  const exemplar = { labels: {}, timestamp: 1 }
  const plain = createHistogram({ buckets: [1], createdSeconds: 1 })
  plain.observe(5)
  expect(await boundsOf(plain)).toEqual([1])
  plain.observe(5, exemplar)
  expect(await boundsOf(plain)).toEqual([1, Number.POSITIVE_INFINITY])
  const native = createHistogram({ buckets: [], native: {}, createdSeconds: 1 })
  native.observe(5, exemplar)
  expect(await boundsOf(native)).toEqual([])
})

test('exemplars stand beside native buckets alone, and only short ones', async () => {
  const exemplarsOf = async (native: object | undefined, id: string) => {
    const histogram = createHistogram({ buckets: [], native, createdSeconds: 1 })
    histogram.observe(5, { labels: { id }, timestamp: 1 })
    const [, , family] = await decoded(everyType, thing(histogram))
    return family?.metric[0]?.histogram?.exemplars.length
  }
  expect(await exemplarsOf({}, 'x'.repeat(126))).toBe(1)
  expect(await exemplarsOf({}, 'x'.repeat(127))).toBe(0)
  expect(await exemplarsOf(undefined, 'x')).toBe(0)
})

test('says what it is', async () => {
  const { contentType } = await createExposition().respond(accepts.protobuf, undefined)
  expect(contentType).toBe(
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
  )
})

test('counts above 2^32 keep every digit', async () => {
  const count = 2 ** 45 + 1
  const family: Family<null> = {
    name: 'big',
    help: '',
    type: 'histogram',
    samples: () => [
      {
        labels: {},
        histogram: {
          count,
          sum: 1,
          created: 1,
          buckets: [{ le: 1, count }],
          native: { schema: 0, zeroThreshold: 1e-9, zeroCount: 0, positive: new Map([[0, count]]) },
        },
      },
    ],
  }
  const [read] = await decoded([family], null)
  expect(read?.metric[0]?.histogram).toMatchObject({ sampleCount: count, positiveDelta: [count] })
})

test('a family that throws half way leaves nothing behind', async () => {
  const bad: Family<null> = {
    name: 'bad',
    help: '',
    type: 'gauge',
    samples: () => [
      { labels: { a: 'fine' }, value: 1 },
      {
        labels: {
          a: Symbol('no text') as unknown as string,
          get b(): string {
            throw new Error('no label')
          },
        },
        value: 2,
      },
    ],
  }
  const good: Family<null> = {
    name: 'good',
    help: '',
    type: 'gauge',
    samples: () => [{ labels: {}, value: 7 }],
  }
  const read = await decoded([bad, good], null)
  expect(read).toEqual([
    { name: 'good', help: '', type: 'GAUGE', metric: [{ label: [], gauge: { value: 7 } }] },
  ])
})
