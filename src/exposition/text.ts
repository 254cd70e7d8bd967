/**
 * The two text formats, which differ in few places: text 0.0.4 (prometheus.io, "Exposition formats") and OpenMetrics
 * 1.0 (github.com/prometheus/OpenMetrics, specification).
 */
import {
  bucketExemplars,
  type Exemplar,
  type Family,
  type Format,
  type Heading,
  type HistogramSample,
  isShort,
  type Labels,
  type NumberSample,
} from './family.ts'
import { bound, decimal, floatBound, quoted, unquoted } from './spelling.ts'

interface Dialect {
  readonly contentType: string
  /** The name of the family itself, where a counter's may differ from its sample's. */
  readonly familyName: (family: Heading) => string
  readonly help: (text: string) => string
  readonly bound: (le: number) => string
  /** Whether there are `_created` lines and exemplars. */
  readonly extras: boolean
  readonly tail: string
}

/** Text 0.0.4: what everything can read. No exemplars, no creation times. */
export function createText(): Format {
  return textFormat({
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    familyName: family => family.name,
    help: unquoted,
    bound: remembered(bound),
    extras: false,
    tail: '',
  })
}

/** OpenMetrics 1.0: with creation times and exemplars. */
export function createOpenMetrics(): Format {
  return textFormat({
    contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    familyName: family => (family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name),
    help: quoted,
    bound: remembered(floatBound),
    extras: true,
    tail: '# EOF\n',
  })
}

function textFormat(dialect: Dialect): Format {
  return {
    contentType: dialect.contentType,
    head(family) {
      const name = dialect.familyName(family)
      return Buffer.from(`# HELP ${name} ${dialect.help(family.help)}\n# TYPE ${name} ${family.type}\n`)
    },
    samples: (family, subject) => Buffer.from(lines(dialect, family, subject)),
    tail: Buffer.from(dialect.tail),
  }
}

function lines<Subject>(dialect: Dialect, family: Family<Subject>, subject: Subject): string {
  let all = ''
  if (family.type === 'histogram')
    for (const sample of family.samples(subject)) all += histogramLines(dialect, family.name, sample)
  else for (const sample of family.samples(subject)) all += numberLines(dialect, family, sample)
  return all
}

function numberLines(dialect: Dialect, family: Heading, { labels, value, ...more }: NumberSample): string {
  const shown = braced(pairs(labels))
  const line = `${family.name}${shown} ${decimal(value)}`
  if (!dialect.extras || family.type !== 'counter') return `${line}\n`
  const created =
    more.created === undefined ? '' : `${dialect.familyName(family)}_created${shown} ${more.created}\n`
  return `${line}${exemplarOf(more.exemplar)}\n${created}`
}

function histogramLines(dialect: Dialect, name: string, { labels, histogram }: HistogramSample): string {
  const inside = pairs(labels)
  const before = `${name}_bucket{${inside}${inside === '' ? '' : ','}le="`
  const shown = braced(inside)
  const marks = dialect.extras ? bucketExemplars(histogram) : []
  let all = ''
  histogram.buckets.forEach(({ le, count }, i) => {
    all += `${before}${dialect.bound(le)}"} ${count}${exemplarOf(marks[i])}\n`
  })
  all += `${before}+Inf"} ${histogram.count}${exemplarOf(marks[histogram.buckets.length])}\n`
  all += `${name}_sum${shown} ${decimal(histogram.sum)}\n${name}_count${shown} ${histogram.count}\n`
  return dialect.extras ? `${all}${name}_created${shown} ${histogram.created}\n` : all
}

function exemplarOf(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined || !isShort(exemplar.labels)) return ''
  return ` # {${pairs(exemplar.labels)}} ${decimal(exemplar.value)} ${exemplar.timestamp}`
}

function pairs(labels: Labels): string {
  let all = ''
  for (const name in labels) all += `${all === '' ? '' : ','}${name}="${quoted(labels[name] as string)}"`
  return all
}

/** Bounds are few, and the same for every subject: spelling them out each time took a quarter of all rendering. */
function remembered(spell: (bound: number) => string): (bound: number) => string {
  const spelt = new Map<number, string>()
  return value => {
    const known = spelt.get(value) ?? spell(value)
    spelt.set(value, known)
    return known
  }
}

function braced(inside: string): string {
  return inside === '' ? '' : `{${inside}}`
}
