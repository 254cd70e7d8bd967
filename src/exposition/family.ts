/**
 * A metric family as a value: its name, its meaning, and how to read its samples from a subject. Also the rules that hold in
 * every format, and the interface of a format, which writes families as bytes.
 */

/** Label names and values. Names are valid Prometheus label names, values any text. */
export type Labels = Readonly<Record<string, string>>

/** An exemplar as in OpenMetrics. Its labels have at most 128 characters in all. */
export interface Exemplar {
  /** What identifies it, such as a trace id. */
  readonly labels: Labels
  /** The observation. */
  readonly value: number
  /** Unix seconds. */
  readonly timestamp: number
}

/** One number of a gauge or a counter. */
export interface NumberSample {
  /** Unique within the family. */
  readonly labels: Labels
  /** In base units. */
  readonly value: number
  /** Counters only: when counting began, in Unix seconds. */
  readonly created?: number | undefined
  /** A notable observation; counters only. */
  readonly exemplar?: Exemplar | undefined
}

/** A histogram with one set of labels, at one moment. */
export interface HistogramSample {
  /** Unique within the family. */
  readonly labels: Labels
  /** The observations. */
  readonly histogram: HistogramValue
}

/** A histogram read at one moment. Classic buckets are cumulative; `+Inf` is implied by `count`. */
export interface HistogramValue {
  /** All observations. */
  readonly count: number
  /** Of all observations, in base units. */
  readonly sum: number
  /** When counting began, in Unix seconds. */
  readonly created: number
  /** Upper bound and cumulative count, ascending; empty when classic buckets are off. */
  readonly buckets: readonly Bucket[]
  /** Notable observations. A classic bucket shows the last one that falls into it. */
  readonly exemplars?: readonly Exemplar[] | undefined
  /** The native buckets, if there are any. */
  readonly native?: NativeBuckets | undefined
}

/** A classic bucket. */
export interface Bucket {
  /** Its upper bound, which belongs to it. */
  readonly le: number
  /** Observations up to there. */
  readonly count: number
}

/** Sparse exponential buckets: bucket `i` holds (2^(2^-schema × (i-1)), 2^(2^-schema × i)]. */
export interface NativeBuckets {
  /** How fine they are: each is 2^(2^-schema) times as wide as the one below. */
  readonly schema: number
  /** Observations up to this count as zero. */
  readonly zeroThreshold: number
  /** Observations that count as zero. */
  readonly zeroCount: number
  /** Bucket index to count, not cumulative. */
  readonly positive: ReadonlyMap<number, number>
}

interface Described<Type extends string, Subject, S> {
  /** The full name, as in text 0.0.4: a counter's ends in `_total`. */
  readonly name: string
  /** One sentence for people. */
  readonly help: string
  /** As Prometheus has it. */
  readonly type: Type
  /** The samples of one subject; every set of labels is unique within the family. */
  readonly samples: (subject: Subject) => readonly S[]
  /** Whether the samples are surely those of the subject before, which are then kept. Default: they are not. */
  readonly isSame?: (subject: Subject, before: Subject) => boolean
}

/**
 * A family whose samples are read from subjects of one type. In label values, control characters become their pictures
 * (U+2400 and on) and lone surrogates become U+FFFD, so values that differ only in lone surrogates become the same.
 */
export type Family<Subject> =
  | Described<'gauge', Subject, NumberSample>
  | Described<'counter', Subject, NumberSample>
  | Described<'histogram', Subject, HistogramSample>

/** What a format shows of a family before its samples. */
export type Heading = Pick<Family<never>, 'name' | 'help' | 'type'>

/** A family with all its samples at one moment, for readers that want values instead of bytes. */
export type FamilySamples =
  | (Heading & { readonly type: 'gauge' | 'counter'; readonly samples: readonly NumberSample[] })
  | (Heading & { readonly type: 'histogram'; readonly samples: readonly HistogramSample[] })

/**
 * One way to write families as bytes. A body consists of each family that has samples, its head first and then the samples
 * of every subject, and of the tail. So the samples of each subject can be kept, and only what changed is rendered.
 */
export interface Format {
  readonly contentType: string
  /** @param size the number of bytes of the samples that follow. */
  head(family: Heading, size: number): Buffer
  /** All samples of a subject in a family, empty if there are none; good until the next call. Throws what the family throws. */
  samples<Subject>(family: Family<Subject>, subject: Subject): Uint8Array
  readonly tail: Buffer
}

/** OpenMetrics 1.0: the names and values of an exemplar's labels have at most this many characters together. */
const maxExemplarCharacters = 128

/** Whether an exemplar is short enough to be shown. A parser refuses the whole scrape because of one that is not. */
export function isShort(labels: Labels): boolean {
  return Object.entries(labels).join('').length - Object.keys(labels).length <= maxExemplarCharacters
}

/** For each classic bucket, `+Inf` last, the last exemplar that falls into it. */
export function bucketExemplars({ buckets, exemplars = [] }: HistogramValue): readonly Exemplar[] {
  const marks: Exemplar[] = []
  for (const exemplar of exemplars) {
    const i = buckets.findIndex(({ le }) => exemplar.value <= le)
    marks[i === -1 ? buckets.length : i] = exemplar
  }
  return marks
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
/** The series of every histogram beside its buckets: `+Inf`, `_sum`, `_count` and `_created`. */
const histogramExtras = 4

/** Every name under which some format shows a family or its series. No other family may show any of them. */
export function exposedNames({ name, type }: Heading): readonly string[] {
  if (!metricName.test(name)) throw new TypeError(`"${name}" is not a metric name`)
  if (type === 'gauge') return [name]
  if (type === 'histogram')
    return [name, ...['bucket', 'sum', 'count', 'created'].map(end => `${name}_${end}`)]
  if (!name.endsWith('_total')) throw new TypeError(`the counter ${name} must end in _total`)
  const base = name.slice(0, -'_total'.length)
  return [base, name, `${base}_created`]
}

/**
 * How many series a server stores for a subject, in the format that makes the most of them: OpenMetrics, whose
 * creation times are series too.
 */
export function countSeries<Subject>(families: readonly Family<Subject>[], subject: Subject): number {
  return families.reduce((sum, family) => sum + countFamily(family, subject), 0)
}

function countFamily<Subject>(family: Family<Subject>, subject: Subject): number {
  const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
  if (family.type === 'histogram')
    return sum(family.samples(subject).map(({ histogram }) => histogram.buckets.length + histogramExtras))
  const hasCreated = family.type === 'counter'
  return sum(family.samples(subject).map(({ created }) => (hasCreated && created !== undefined ? 2 : 1)))
}

/** Any character that some format has to change. A complete surrogate pair is not one. */
export const special = /[\\"\p{Cc}\p{Cs}]/u
const unprintable = /[\p{Cc}\p{Cs}]/gu

/**
 * A text that every parser accepts. C0 controls other than newline, and DEL, become their control pictures, so that
 * different values stay different. Lone surrogates, which UTF-8 cannot represent, become U+FFFD.
 */
export function clean(text: string): string {
  // Types are not checked at run time, and the text of an object must be escaped as well.
  const value = String(text)
  return special.test(value) ? value.replace(unprintable, picture) : value
}

function picture(character: string): string {
  const code = character.charCodeAt(0)
  if (code === 0x0a || (code >= 0x80 && code <= 0x9f)) return character
  if (code === 0x7f) return '\u2421'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd'
}
