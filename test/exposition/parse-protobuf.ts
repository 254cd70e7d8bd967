/** A reader of the protobuf format by another library than the one that writes it, from a schema of its own. */
import protobuf from 'protobufjs'

const schema = `
syntax = "proto2";
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; }
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp created_timestamp = 3; }
message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; optional Exemplar exemplar = 3; }
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3;
  optional sint32 schema = 5; optional double zero_threshold = 6; optional uint64 zero_count = 7;
  repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13;
  optional Timestamp created_timestamp = 15; repeated Exemplar exemplars = 16;
}
message Metric { repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Histogram histogram = 7; }
message MetricFamily { optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4; }
`

interface Time {
  readonly seconds: number
  readonly nanos: number
}
export interface DecodedExemplar {
  readonly label: readonly { readonly name: string; readonly value: string }[]
  readonly value: number
  readonly timestamp: Time
}
export interface DecodedHistogram {
  readonly sampleCount: number
  readonly sampleSum: number
  readonly bucket: readonly {
    readonly cumulativeCount: number
    readonly upperBound: number
    readonly exemplar?: DecodedExemplar
  }[]
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positiveSpan: readonly { readonly offset: number; readonly length: number }[]
  readonly positiveDelta: readonly number[]
  readonly createdTimestamp: Time
  readonly exemplars: readonly DecodedExemplar[]
}
export interface DecodedFamily {
  readonly name: string
  readonly help: string
  readonly type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM'
  readonly metric: readonly {
    readonly label: readonly { readonly name: string; readonly value: string }[]
    readonly gauge?: { readonly value: number }
    readonly counter?: {
      readonly value: number
      readonly exemplar?: DecodedExemplar
      readonly createdTimestamp?: Time
    }
    readonly histogram?: DecodedHistogram
  }[]
}

const MetricFamily = protobuf.parse(schema).root.lookupType('MetricFamily')

export function parseProtobuf(body: Buffer): readonly DecodedFamily[] {
  const reader = protobuf.Reader.create(body)
  const families: DecodedFamily[] = []
  while (reader.pos < reader.len) {
    const message = MetricFamily.decodeDelimited(reader)
    const plain: unknown = MetricFamily.toObject(message, { longs: Number, enums: String, arrays: true })
    families.push(plain as DecodedFamily)
  }
  return families
}

/** The counts of native buckets by index, from spans and deltas. */
export function nativeBuckets({ positiveSpan, positiveDelta }: DecodedHistogram): Map<number, number> {
  const counts = new Map<number, number>()
  let index = 0
  let count = 0
  let next = 0
  for (const { offset, length } of positiveSpan) {
    index += offset
    for (let i = 0; i < length; i++, index++) {
      count += positiveDelta[next++]!
      counts.set(index, count)
    }
  }
  return counts
}
