/** What a run says: a table of its phases, on the terminal and in the document. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measured } from './phase.ts'
import type { Usage } from './subject.ts'

const file = join(import.meta.dirname, '../../docs/security.md')
const place = /(<!-- attack: figures -->)[\s\S]*?(<!-- end -->)/

const head = [
  'attack',
  'sent',
  '`/healthz` p50, p99, max (ms)',
  '`/readyz` p50, p99, max (ms)',
  'scrapes: lost, p99 (ms)',
  'checks: made, lost',
  'cores: used, waited for',
  'RSS: peak, after (MiB)',
  'cgroup: peak, after (MiB)',
  'descriptors: peak, after',
  '',
]

/** The phases as a Markdown table; `findMissed` returns the bars that each misses. */
export function formatTable(
  phases: readonly Measured[],
  findMissed: (measured: Measured) => readonly string[],
): string {
  const rows = phases.map(phase => [...formatCells(phase), findMissed(phase).length === 0 ? 'met' : 'missed'])
  return [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')
}

function formatCells(phase: Measured): readonly string[] {
  const { healthz, readyz, honest, counted, peak, after } = phase
  const both = (of: (usage: Usage) => number) => `${formatWhole(of(peak))}, ${formatWhole(of(after))}`
  const latency = ({ p50, p99, max }: Measured['healthz']) =>
    [p50, p99, max].map(each => each.toFixed(1)).join(', ')
  return [
    phase.name,
    phase.sent.toLocaleString('en'),
    latency(healthz),
    latency(readyz),
    `${honest.scrapesFailed} of ${honest.scrapes + honest.scrapesFailed}, ${formatWhole(honest.scrapeP99)}`,
    `${counted.checks.toLocaleString('en')}, ${counted.failed + counted.skipped}`,
    `${phase.cpuShare.toFixed(2)}, ${phase.waitShare.toFixed(2)}`,
    both(({ rssMiB }) => rssMiB),
    both(({ groupMiB }) => groupMiB),
    both(({ descriptors }) => descriptors),
  ]
}

function formatWhole(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0) : '?'
}

/** Puts the figures into the document, in place of those of the last run. */
export function publish(figures: string): void {
  writeFileSync(file, insertFigures(readFileSync(file, 'utf8'), figures))
}

export function insertFigures(text: string, figures: string): string {
  if (!place.test(text)) throw new Error('the document has no place for the figures')
  return text.replace(place, (_, begin: string, end: string) => `${begin}\n\n${figures}\n\n${end}`)
}
