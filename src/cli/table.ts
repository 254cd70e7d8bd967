/** What is known of dependencies as a table for people. Pure. */
import { type CheckReport, type DependencyReport, describeCause, type StatusReport } from '../views/status.ts'

/** Colours a status; the text stays as it is where there are no colours. */
export type Paint = (status: DependencyReport['status'], text: string) => string

const header = ['NAME', 'KIND', 'TARGET', 'CRITICAL', 'STATUS', 'DURATION', 'REASON', 'MESSAGE']
/** The last line names no more than these. */
const maxNamed = 10
const statusColumn = header.indexOf('STATUS')

/** One line a dependency, in the order of the report, and a line that sums up. */
export function statusTable({ dependencies }: StatusReport, paint: Paint): string {
  const reports = Object.entries(dependencies)
  const rows = reports.map(([name, report]) => cells(name, report))
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]?.length ?? 0)))
  const line = (row: readonly string[], status?: DependencyReport['status']) =>
    row
      .map((cell, i) => {
        const padded = i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)
        return status !== undefined && i === statusColumn ? paint(status, padded) : padded
      })
      .join('  ')
      .trimEnd()
  const lines = reports.map(([, { status }], i) => line(rows[i] ?? [], status))
  return `${[line(header), ...lines, '', summary(reports)].join('\n')}\n`
}

function cells(
  name: string,
  { kind, target, critical, status, lastCheck }: DependencyReport,
): readonly string[] {
  const { message = '' } = lastCheck ?? {}
  return [
    name,
    kind,
    target,
    critical ? 'yes' : 'no',
    status,
    lastCheck === null ? '' : duration(lastCheck),
    lastCheck === null ? 'not checked' : describeCause(lastCheck),
    message ?? '',
  ]
}

/** `12.3 ms (connect 0.4, auth 9.1, request 1.2)` */
function duration({ durationSeconds, phasesSeconds }: CheckReport): string {
  const phases = Object.entries(phasesSeconds).map(([phase, seconds]) => `${phase} ${milliseconds(seconds)}`)
  return `${milliseconds(durationSeconds)} ms${phases.length === 0 ? '' : ` (${phases.join(', ')})`}`
}

function milliseconds(seconds: number): string {
  return (seconds * 1_000).toFixed(1)
}

function summary(reports: readonly (readonly [string, DependencyReport])[]): string {
  const missing = reports.filter(([, { status }]) => status !== 'up')
  const up = `${reports.length - missing.length} of ${reports.length} up`
  const named = missing
    .slice(0, maxNamed)
    .map(([name, { critical }]) => (critical ? `${name} (critical)` : name))
  const more = missing.length > maxNamed ? [`${missing.length - maxNamed} more`] : []
  return missing.length === 0 ? up : `${up}; not up: ${[...named, ...more].join(', ')}`
}
