/** Any families, in every format, read back by readers that are not our renderer's code, are what they were. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import {
  clean,
  type Exemplar,
  type Family,
  type HistogramSample,
  type Labels,
  type NumberSample,
} from '../../src/exposition/family.ts'
import { createHistogram } from '../../src/exposition/histogram.ts'
import { formatBound, formatFloatBound } from '../../src/exposition/text.ts'
import { accepts, bodyOf } from './families.ts'
import { type DecodedExemplar, nativeBuckets, parseProtobuf } from './parse-protobuf.ts'
import { type ParsedFamily, parseOpenMetrics, parseText, type Sample } from './parse-text.ts'

const nasty = [
  '"',
  '\\',
  '\n',
  '\\n',
  ',',
  ':',
  '{',
  '}',
  '=',
  ' ',
  '#',
  '\r',
  '\0',
  '\u2028',
  '\ud800',
  '\udc00',
  '😀',
  'é',
  '\u202e',
  '+Inf',
  '# EOF',
]
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 6 })
  .map(parts => parts.join(''))
const labelName = fc
  .stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/)
  .filter(name => name !== 'le' && name !== '__proto__')
const labels: fc.Arbitrary<Labels> = fc.dictionary(labelName, hostile, { maxKeys: 4 })
const value = fc
  .oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e21, 5e-324))
  .map(number => number + 0)
const seconds = fc.integer({ min: 0, max: 2e12 }).map(ms => ms / 1000)
const exemplar: fc.Arbitrary<Exemplar> = fc.record({
  labels: fc.dictionary(
    fc.constant('trace_id'),
    hostile.filter(text => text.length <= 100),
    { maxKeys: 1 },
  ),
  value: fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => number + 0),
  timestamp: seconds,
})
const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,12}$/).filter(text => text !== '__proto__')

const distinct = (sample: { labels: Labels }) =>
  JSON.stringify(
    Object.entries(sample.labels)
      .map(pair => pair.map(clean))
      .sort(),
  )
const numbers: fc.Arbitrary<NumberSample[]> = fc.uniqueArray(fc.record({ labels, value }), {
  selector: distinct,
  maxLength: 5,
})
const counts: fc.Arbitrary<NumberSample[]> = fc.uniqueArray(
  fc.record(
    { labels, value, created: seconds, exemplar },
    { requiredKeys: ['labels', 'value'] },
  ) as fc.Arbitrary<NumberSample>,
  { selector: distinct, maxLength: 5 },
)
const histogram: fc.Arbitrary<HistogramSample> = fc
  .record({
    labels,
    bounds: fc.uniqueArray(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }).map(number => number + 0),
      { maxLength: 6 },
    ),
    native: fc.boolean(),
    values: fc.array(
      fc.record({ value: fc.double({ min: -10, max: 1e9, noNaN: true }), exemplar: fc.option(exemplar) }),
      { maxLength: 20 },
    ),
    created: seconds,
  })
  .map(made => {
    const kept = createHistogram({
      buckets: made.bounds.toSorted((a, b) => a - b),
      createdSeconds: made.created,
      ...(made.native && { native: { maxBuckets: 10 } }),
    })
    for (const { value, exemplar } of made.values) kept.observe(value, exemplar ?? undefined)
    return { labels: made.labels, histogram: kept.value() }
  })
const histograms = fc.uniqueArray(histogram, { selector: distinct, maxLength: 3 })

type Made =
  | { name: string; help: string; type: 'gauge' | 'counter'; samples: NumberSample[] }
  | { name: string; help: string; type: 'histogram'; samples: HistogramSample[] }
const made: fc.Arbitrary<Made> = fc.oneof(
  fc.record({ name, help: hostile, type: fc.constant('gauge' as const), samples: numbers }),
  fc.record({
    name: name.map(base => `${base}_total`),
    help: hostile,
    type: fc.constant('counter' as const),
    samples: counts,
  }),
  fc.record({ name, help: hostile, type: fc.constant('histogram' as const), samples: histograms }),
)
// The index keeps names apart; that clashes are refused is tested beside `group`.
const allMade = fc
  .array(made, { maxLength: 5 })
  .map(all => all.map((one, i) => ({ ...one, name: `f${i}_${one.name}` })))

async function rendered(all: readonly Made[], accept: string): Promise<Buffer> {
  const exposition = createExposition({
    onError: error => {
      throw error
    },
  })
  const families = all.map(({ samples, ...one }, family) => ({
    ...one,
    samples: (i: number) => samples.filter((_, at) => at === i && family >= 0),
  }))
  const group = exposition.group(families as unknown as Family<number>[])
  for (let i = 0; i < 5; i++) group.set(String(i), i)
  return bodyOf(await exposition.respond(accept, undefined))
}

const cleaned = (of: Labels): Labels =>
  Object.fromEntries(Object.entries(of).map(([key, text]) => [key, clean(text)]))
const shown = (of: Exemplar) => ({ labels: cleaned(of.labels), value: of.value, timestamp: of.timestamp })

/** What a text format must show, spelt out here once more. */
function expectedText(all: readonly Made[], openMetrics: boolean): ParsedFamily[] {
  const le = openMetrics ? formatFloatBound : formatBound
  return all
    .filter(({ samples }) => samples.length > 0)
    .map(family => {
      const base = openMetrics && family.type === 'counter' ? family.name.slice(0, -6) : family.name
      const samples: Sample[] = []
      if (family.type !== 'histogram')
        for (const sample of family.samples) {
          const marked = openMetrics && family.type === 'counter' && sample.exemplar !== undefined
          samples.push({
            name: family.name,
            labels: cleaned(sample.labels),
            value: sample.value,
            ...(marked && { exemplar: shown(sample.exemplar!) }),
          })
          if (openMetrics && family.type === 'counter' && sample.created !== undefined)
            samples.push({ name: `${base}_created`, labels: cleaned(sample.labels), value: sample.created })
        }
      else
        for (const { labels: raw, histogram: read } of family.samples) {
          const own = cleaned(raw)
          let below = Number.NEGATIVE_INFINITY
          for (const { le: upper, count } of [...read.buckets, { le: Infinity, count: read.count }]) {
            const mark = read.exemplars?.filter(({ value: at }) => at > below && at <= upper).at(-1)
            samples.push({
              name: `${base}_bucket`,
              labels: { ...own, le: le(upper) },
              value: count,
              ...(openMetrics && mark && { exemplar: shown(mark) }),
            })
            below = upper
          }
          samples.push(
            { name: `${base}_sum`, labels: own, value: read.sum },
            { name: `${base}_count`, labels: own, value: read.count },
          )
          if (openMetrics) samples.push({ name: `${base}_created`, labels: own, value: read.created })
        }
      return { name: base, help: clean(family.help), type: family.type, samples }
    })
}

test('text 0.0.4', async () => {
  await fc.assert(
    fc.asyncProperty(allMade, async all => {
      expect(parseText(String(await rendered(all, accepts.text)))).toEqual(expectedText(all, false))
    }),
    { numRuns: 300 },
  )
})

test('OpenMetrics 1.0', async () => {
  await fc.assert(
    fc.asyncProperty(allMade, async all => {
      expect(parseOpenMetrics(String(await rendered(all, accepts.openMetrics)))).toEqual(
        expectedText(all, true),
      )
    }),
    { numRuns: 300 },
  )
})

test('protobuf', async () => {
  await fc.assert(
    fc.asyncProperty(allMade, async all => {
      const read = parseProtobuf(await rendered(all, accepts.protobuf))
      const expected = all.filter(({ samples }) => samples.length > 0)
      expect(read.map(({ name, help, type }) => ({ name, help, type }))).toEqual(
        expected.map(({ name, help, type }) => ({ name, help: clean(help), type: type.toUpperCase() })),
      )
      expected.forEach((family, i) => {
        const metrics = read[i]!.metric
        expect(metrics.map(({ label }) => labelsOf(label))).toEqual(
          family.samples.map(sample => cleaned(sample.labels)),
        )
        if (family.type === 'histogram') compareHistograms(metrics, family.samples)
        else compareNumbers(metrics, family)
      })
    }),
    { numRuns: 300 },
  )
})

type Metrics = ReturnType<typeof parseProtobuf>[number]['metric']

function compareNumbers(metrics: Metrics, family: Extract<Made, { type: 'gauge' | 'counter' }>): void {
  family.samples.forEach((sample, i) => {
    const read = metrics[i]![family.type === 'gauge' ? 'gauge' : 'counter']
    expect(read?.value ?? 0).toBe(sample.value)
    if (family.type === 'gauge') return
    expect(exemplarOf(metrics[i]!.counter?.exemplar)).toEqual(sample.exemplar && shown(sample.exemplar))
    expect(timeOf(metrics[i]!.counter?.createdTimestamp)).toBe(sample.created)
  })
}

function compareHistograms(metrics: Metrics, samples: readonly HistogramSample[]): void {
  samples.forEach(({ histogram: one }, i) => {
    const read = metrics[i]!.histogram!
    expect(read.sampleCount ?? 0).toBe(one.count)
    expect(read.sampleSum ?? 0).toBe(one.sum)
    expect(timeOf(read.createdTimestamp)).toBe(one.created)
    const finite = read.bucket.filter(({ upperBound }) => upperBound !== Infinity)
    expect(
      finite.map(bucket => ({ le: bucket.upperBound ?? 0, count: bucket.cumulativeCount ?? 0 })),
    ).toEqual(one.buckets)
    if (one.native === undefined) return
    const order = (counts: ReadonlyMap<number, number>) => [...counts].toSorted(([a], [b]) => a - b)
    expect(order(nativeBuckets(read))).toEqual(order(one.native.positive))
    expect([read.schema ?? 0, read.zeroCount ?? 0]).toEqual([one.native.schema, one.native.zeroCount])
    expect(read.exemplars.map(exemplarOf)).toEqual(one.exemplars?.map(shown))
  })
}

function labelsOf(pairs: Metrics[number]['label']): Labels {
  return Object.fromEntries(pairs.map(pair => [pair.name, pair.value ?? '']))
}

function exemplarOf(read: DecodedExemplar | undefined) {
  return read && { labels: labelsOf(read.label), value: read.value ?? 0, timestamp: timeOf(read.timestamp) }
}

function timeOf(time: { seconds?: number; nanos?: number } | null | undefined): number | undefined {
  return time ? (time.seconds ?? 0) + Math.round((time.nanos ?? 0) / 1e6) / 1e3 : undefined
}
