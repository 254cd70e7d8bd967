/**
 * The two text formats, which differ in few places: text 0.0.4 (prometheus.io, "Exposition formats") and OpenMetrics
 * 1.0 (github.com/prometheus/OpenMetrics, specification).
 */
import {
  bucketExemplars,
  clean,
  type Exemplar,
  type Family,
  type Format,
  type Heading,
  type HistogramSample,
  isShort,
  type Labels,
  type NumberSample,
  special,
} from './family.ts'

interface Dialect {
  readonly contentType: string
  /** The name of the family, which for a counter may differ from that of its samples. */
  readonly familyName: (family: Heading) => string
  readonly help: (text: string) => string
  readonly bound: (le: number) => string
  /** Whether there are `_created` lines and exemplars. */
  readonly extras: boolean
  readonly tail: string
}

/** Text 0.0.4, which every parser reads. It has no exemplars and no creation times. */
export function createText(): Format {
  return textFormat({
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    familyName: family => family.name,
    help: escapeHelp,
    bound: memoize(formatBound),
    extras: false,
    tail: '',
  })
}

/** OpenMetrics 1.0, with creation times and exemplars. */
export function createOpenMetrics(): Format {
  return textFormat({
    contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    familyName: family => (family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name),
    help: escapeQuoted,
    bound: memoize(formatFloatBound),
    extras: true,
    tail: '# EOF\n',
  })
}

function textFormat(dialect: Dialect): Format {
  const encode = createEncoder()
  return {
    contentType: dialect.contentType,
    head(family) {
      const name = dialect.familyName(family)
      return Buffer.from(`# HELP ${name} ${dialect.help(family.help)}\n# TYPE ${name} ${family.type}\n`)
    },
    samples: (family, subject) => encode(formatSamples(dialect, family, subject)),
    tail: Buffer.from(dialect.tail),
  }
}

/** UTF-8 in a buffer that is used again: making one for each text took a quarter of the rendering. */
function createEncoder(): (text: string) => Uint8Array {
  let buffer = Buffer.allocUnsafeSlow(4_096)
  return text => {
    // A code unit takes three bytes at most.
    if (buffer.length < 3 * text.length) buffer = Buffer.allocUnsafeSlow(6 * text.length)
    return buffer.subarray(0, buffer.write(text))
  }
}

function formatSamples<Subject>(dialect: Dialect, family: Family<Subject>, subject: Subject): string {
  let all = ''
  if (family.type === 'histogram')
    for (const sample of family.samples(subject)) all += formatHistogram(dialect, family.name, sample)
  else for (const sample of family.samples(subject)) all += formatNumbers(dialect, family, sample)
  return all
}

function formatNumbers(dialect: Dialect, family: Heading, { labels, value, ...more }: NumberSample): string {
  const shown = wrap(formatLabels(labels))
  const line = `${family.name}${shown} ${formatNumber(value)}`
  if (!dialect.extras || family.type !== 'counter') return `${line}\n`
  const created =
    more.created === undefined ? '' : `${dialect.familyName(family)}_created${shown} ${more.created}\n`
  return `${line}${formatExemplar(more.exemplar)}\n${created}`
}

function formatHistogram(dialect: Dialect, name: string, { labels, histogram }: HistogramSample): string {
  const inside = formatLabels(labels)
  const before = `${name}_bucket{${inside}${inside === '' ? '' : ','}le="`
  const shown = wrap(inside)
  const marks = dialect.extras ? bucketExemplars(histogram) : []
  let all = ''
  histogram.buckets.forEach(({ le, count }, i) => {
    all += `${before}${dialect.bound(le)}"} ${count}${formatExemplar(marks[i])}\n`
  })
  all += `${before}+Inf"} ${histogram.count}${formatExemplar(marks[histogram.buckets.length])}\n`
  all += `${name}_sum${shown} ${formatNumber(histogram.sum)}\n${name}_count${shown} ${histogram.count}\n`
  return dialect.extras ? `${all}${name}_created${shown} ${histogram.created}\n` : all
}

function formatExemplar(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined || !isShort(exemplar.labels)) return ''
  return ` # {${formatLabels(exemplar.labels)}} ${formatNumber(exemplar.value)} ${exemplar.timestamp}`
}

function formatLabels(labels: Labels): string {
  let all = ''
  for (const name in labels)
    all += `${all === '' ? '' : ','}${name}="${escapeQuoted(labels[name] as string)}"`
  return all
}

/** There are few bounds, the same for every subject. Formatting them each time took a quarter of the rendering. */
function memoize(spell: (bound: number) => string): (bound: number) => string {
  const spelt = new Map<number, string>()
  return value => {
    const known = spelt.get(value) ?? spell(value)
    spelt.set(value, known)
    return known
  }
}

function wrap(inside: string): string {
  return inside === '' ? '' : `{${inside}}`
}

/** Escapes a label value or an OpenMetrics HELP text, quotes included. */
export function escapeQuoted(text: string): string {
  const value = String(text)
  return special.test(value) ? escapeHelp(value).replaceAll('"', '\\"') : value
}

/** Escapes a HELP text of text 0.0.4, in which quotes stay as they are. */
export function escapeHelp(text: string): string {
  return clean(text).replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

/** The shortest decimal that reads back as the same number; `+Inf`, `-Inf` and `NaN` by name. */
export function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

/**
 * Formats a bucket's bound as Go's `%g` does (`0.005`, `1`, `1e+06`, `1e-05`). Bounds are part of a series' identity, so
 * they must be written as every other exporter writes them.
 */
export function formatBound(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (!Number.isFinite(value) || (power >= -4 && power < 6)) return formatNumber(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** Formats a bound for OpenMetrics, which requires a float (`1.0`). */
export function formatFloatBound(value: number): string {
  const text = formatBound(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
