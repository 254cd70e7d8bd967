/**
 * The protobuf format: `io.prometheus.client.MetricFamily`, each message preceded by its length. Field numbers are
 * those of metrics.proto in github.com/prometheus/client_model. It is the only format that carries native histograms.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  bucketExemplars,
  clean,
  type Exemplar,
  type Family,
  type Format,
  type HistogramValue,
  isShort,
  type Labels,
  type NativeBuckets,
  type NumberSample,
} from './family.ts'

const metricTypes = { counter: 0, gauge: 1, histogram: 4 }

/** The format, with its own buffer to write to: creating one for each subject took longer than filling it. */
export function createProtobuf(): Format {
  const writer = new BinaryWriter()
  return {
    contentType:
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    head(family, size) {
      writeString(writer, 1, family.name)
      writeString(writer, 2, clean(family.help))
      writer.tag(3, WireType.Varint).uint32(metricTypes[family.type])
      const fields = writer.finish()
      writer.uint32(fields.length + size).raw(fields)
      return Buffer.from(writer.finish())
    },
    samples(family, subject) {
      try {
        writeMetrics(writer, family, subject)
      } catch (error) {
        // Discards what is partly written, so that the next samples do not begin with it.
        writer.finish()
        throw error
      }
      return writer.finish()
    },
    tail: Buffer.alloc(0),
  }
}

function writeMetrics<Subject>(writer: BinaryWriter, family: Family<Subject>, subject: Subject): void {
  if (family.type === 'histogram')
    for (const { labels, histogram } of family.samples(subject))
      writeMetric(writer, labels, () => writeNested(writer, 7, () => writeHistogram(writer, histogram)))
  else
    for (const sample of family.samples(subject))
      writeMetric(writer, sample.labels, () => writeNumber(writer, family, sample))
}

function writeMetric(writer: BinaryWriter, labels: Labels, value: () => void): void {
  writeNested(writer, 4, () => {
    writeLabels(writer, labels)
    value()
  })
}

function writeNumber<S>(writer: BinaryWriter, { type }: Family<S>, sample: NumberSample): void {
  writeNested(writer, type === 'counter' ? 3 : 2, () => {
    writeDouble(writer, 1, sample.value)
    if (type !== 'counter') return
    if (sample.exemplar !== undefined) writeExemplar(writer, 2, sample.exemplar)
    if (sample.created !== undefined) writeTimestamp(writer, 3, sample.created)
  })
}

function writeHistogram(writer: BinaryWriter, histogram: HistogramValue): void {
  writeCount(writer, 1, histogram.count)
  writeDouble(writer, 2, histogram.sum)
  const marks = bucketExemplars(histogram)
  const all = [...histogram.buckets, { le: Number.POSITIVE_INFINITY, count: histogram.count }]
  const infinite = all.length - 1
  all.forEach(({ le, count }, i) => {
    // The +Inf bucket is implied. It is written only to carry its exemplar.
    if (i < infinite || (marks[i] !== undefined && infinite > 0)) writeBucket(writer, le, count, marks[i])
  })
  if (histogram.native !== undefined) writeNative(writer, histogram.native)
  writeTimestamp(writer, 15, histogram.created)
  if (histogram.native !== undefined)
    for (const exemplar of histogram.exemplars ?? []) writeExemplar(writer, 16, exemplar)
}

function writeBucket(writer: BinaryWriter, le: number, count: number, exemplar: Exemplar | undefined): void {
  writeNested(writer, 3, () => {
    writeCount(writer, 1, count)
    writeDouble(writer, 2, le)
    if (exemplar !== undefined) writeExemplar(writer, 3, exemplar)
  })
}

function writeNative(writer: BinaryWriter, native: NativeBuckets): void {
  writer.tag(5, WireType.Varint).sint32(native.schema)
  writeDouble(writer, 6, native.zeroThreshold)
  writeCount(writer, 7, native.zeroCount)
  const indices = [...native.positive.keys()].sort((a, b) => a - b)
  for (const { offset, length } of findSpans(indices))
    writeNested(writer, 12, () => {
      writer.tag(1, WireType.Varint).sint32(offset)
      writer.tag(2, WireType.Varint).uint32(length)
    })
  let previous = 0
  writeNested(writer, 13, () => {
    for (const index of indices) {
      const count = native.positive.get(index) ?? 0
      writer.sint64(count - previous)
      previous = count
    }
  })
}

/** Runs of consecutive indices. The first offset is absolute, each later one is the gap since the previous run. */
function findSpans(indices: readonly number[]): readonly { offset: number; length: number }[] {
  const all: { offset: number; length: number }[] = []
  let next = 0
  for (const index of indices) {
    const last = all.at(-1)
    if (last !== undefined && index === next) last.length += 1
    else all.push({ offset: index - next, length: 1 })
    next = index + 1
  }
  return all
}

function writeExemplar(writer: BinaryWriter, field: number, exemplar: Exemplar): void {
  if (!isShort(exemplar.labels)) return
  writeNested(writer, field, () => {
    writeLabels(writer, exemplar.labels)
    writeDouble(writer, 2, exemplar.value)
    writeTimestamp(writer, 3, exemplar.timestamp)
  })
}

function writeLabels(writer: BinaryWriter, labels: Labels): void {
  for (const name in labels)
    writeNested(writer, 1, () => {
      writeString(writer, 1, name)
      writeString(writer, 2, clean(labels[name] as string))
    })
}

/** A `google.protobuf.Timestamp` in microseconds, the resolution of Unix seconds in a double. */
function writeTimestamp(writer: BinaryWriter, field: number, seconds: number): void {
  const micros = Math.round(seconds * 1e6)
  const whole = Math.floor(micros / 1e6)
  writeNested(writer, field, () => {
    writer.tag(1, WireType.Varint).int64(whole)
    writer.tag(2, WireType.Varint).int32((micros - whole * 1e6) * 1e3)
  })
}

function writeCount(writer: BinaryWriter, field: number, count: number): void {
  writer.tag(field, WireType.Varint).uint64(count)
}

function writeDouble(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Bit64).double(value)
}

function writeString(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value)
}

function writeNested(writer: BinaryWriter, field: number, fields: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  fields()
  writer.join()
}
