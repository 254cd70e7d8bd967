/** The played rows as the tables of docs/faults.md. Pure. */
import type { Played } from './play.ts'
import type { Unplayed } from './scene.ts'

export interface SceneReport {
  readonly title: string
  readonly played: readonly Played[]
  readonly unplayed: readonly Unplayed[]
}

const head =
  '| # | fault | Pulsecheck says | injections | detected: p50, p99, max (bound) | recovered: p50, p99, max (bound) | |\n|---|---|---|---|---|---|---|'

export function sceneTable({ title, played, unplayed }: SceneReport): string {
  const rows = played.map(row)
  const missing = unplayed.map(({ id, fault, why }) => `| ${id} | ${fault} | not played: ${why} | | | | |`)
  return `### ${title}\n\n${[head, ...rows, ...missing].join('\n')}\n`
}

function row(played: Played): string {
  const { id, fault, status, reason, detail, detectedMs, recoveredMs, problems } = played
  const says = status === 'up' ? '`up`' : `\`${status}\`, \`${reason}/${detail}\``
  return `| ${[
    id,
    fault,
    says,
    Math.max(detectedMs.length, recoveredMs.length) || '',
    times(detectedMs, played.detectionBoundMs),
    times(recoveredMs, played.recoveryBoundMs),
    problems.length === 0 ? 'held' : `**broken**: ${problems.join('; ')}`,
  ].join(' | ')} |`
}

function times(ms: readonly number[], boundMs: number): string {
  if (ms.length === 0) return ''
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
  return `${at(0.5)}, ${at(0.99)}, ${sorted.at(-1)} ms (${boundMs})`
}
