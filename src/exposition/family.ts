/**
 * A metric family as a value: its name, its meaning, and how its samples are read off a subject; what holds for it in
 * every format; and a format, which writes families as bytes.
 */

/** Label names and values; names are valid Prometheus label names, values are any text. */
export type Labels = Readonly<Record<string, string>>

/** One observation that stands for many, in OpenMetrics' sense. Its labels hold 128 characters or fewer in all. */
export interface Exemplar {
  readonly labels: Labels
  readonly value: number
  /** Unix seconds. */
  readonly timestamp: number
}

/** One number of a gauge or a counter. */
export interface NumberSample {
  readonly labels: Labels
  readonly value: number
  /** Counters only: when counting began, in Unix seconds. */
  readonly created?: number | undefined
  readonly exemplar?: Exemplar | undefined
}

/** All that a histogram has seen for one set of labels, at one moment. */
export interface HistogramSample {
  readonly labels: Labels
  readonly histogram: HistogramValue
}

/** A histogram read at one moment. Classic buckets are cumulative; `+Inf` is implied by `count`. */
export interface HistogramValue {
  readonly count: number
  readonly sum: number
  /** When counting began, in Unix seconds. */
  readonly created: number
  /** Upper bound and cumulative count, ascending; empty when classic buckets are off. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
  /** Observations worth a look. A classic bucket shows the last one that falls into it. */
  readonly exemplars?: readonly Exemplar[] | undefined
  /** The sparse half, if it is kept. */
  readonly native?: NativeBuckets | undefined
}

/** Sparse exponential buckets: bucket `i` holds (2^(2^-schema × (i-1)), 2^(2^-schema × i)]. */
export interface NativeBuckets {
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  /** Bucket index to count, not cumulative. */
  readonly positive: ReadonlyMap<number, number>
}

interface Described<Type extends string, Subject, S> {
  /** The full name as text 0.0.4 has it: a counter's ends in `_total`. */
  readonly name: string
  readonly help: string
  readonly type: Type
  /** The samples of one subject; every set of labels is unique within the family. */
  readonly samples: (subject: Subject) => readonly S[]
}

/**
 * A family whose samples are read off subjects of one type. Control characters in label values come out as their
 * pictures (U+2400 and on) and lone surrogates as U+FFFD, so values that differ in lone surrogates alone are one.
 */
export type Family<Subject> =
  | Described<'gauge', Subject, NumberSample>
  | Described<'counter', Subject, NumberSample>
  | Described<'histogram', Subject, HistogramSample>

/** What every format needs of a family before its samples. */
export type Heading = Pick<Family<never>, 'name' | 'help' | 'type'>

/** A family with all samples that it has at one moment, for readers that want values and not bytes. */
export type FamilySamples =
  | (Heading & { readonly type: 'gauge' | 'counter'; readonly samples: readonly NumberSample[] })
  | (Heading & { readonly type: 'histogram'; readonly samples: readonly HistogramSample[] })

/**
 * One way to write families as bytes. A body is, for each family that has samples, its head and then the samples of
 * every subject; the tail comes last. So the samples of each subject can be kept, and only what changed is rendered.
 */
export interface Format {
  readonly contentType: string
  /** @param size bytes of samples that follow. */
  head(family: Heading, size: number): Buffer
  /** All samples that a family has of a subject; empty if it has none. Throws what the family throws. */
  samples<Subject>(family: Family<Subject>, subject: Subject): Uint8Array
  readonly tail: Buffer
}

/** OpenMetrics 1.0: the names and values of an exemplar's labels hold at most this many characters together. */
const maxExemplarCharacters = 128

/** Whether an exemplar is short enough to be shown; parsers refuse the whole scrape over one that is not. */
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

/** Any character that some format must change, to look for before any work. A whole surrogate pair is none. */
export const special = /[\\"\p{Cc}\p{Cs}]/u
const unprintable = /[\p{Cc}\p{Cs}]/gu

/**
 * A text that every parser takes: C0 controls other than newline, and DEL, become their control pictures, so that
 * values that differ stay different; lone surrogates, which UTF-8 cannot hold, become U+FFFD.
 */
export function clean(text: string): string {
  // Types end at run time, and an object's own text must not escape the escaping.
  const value = String(text)
  return special.test(value) ? value.replace(unprintable, picture) : value
}

function picture(character: string): string {
  const code = character.charCodeAt(0)
  if (code === 0x0a || (code >= 0x80 && code <= 0x9f)) return character
  if (code === 0x7f) return '\u2421'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd'
}
