/** What was played, as docs/faults.md. Pure. */
import { cpus } from 'node:os'
import type { Calm } from './calm.ts'
import { detectionBoundMs, type Played, recoveryBoundMs, settings } from './play.ts'
import type { Unplayed } from './scene.ts'

export interface SceneReport {
  readonly title: string
  readonly played: readonly Played[]
  readonly unplayed: readonly Unplayed[]
}

export function faultsPage(scenes: readonly SceneReport[], calm: Calm | undefined): string {
  const played = scenes.flatMap(scene => scene.played)
  const injections = played.reduce((sum, { detectedMs }) => sum + detectedMs.length, 0)
  const held = played.filter(({ problems }) => problems.length === 0).length
  return `# Faults

What Pulsecheck says when a dependency fails, and how long it takes to say so. Each row below was played against the
real program and real servers: the fault is injected at a random moment, its clients ask \`/readyz/<dependency>\` and
\`/healthz\` every 10 ms, and then the fault is taken back. \`npm run faults\` plays all of it again and writes this page.

**${held} of ${played.length} rows held** in ${injections} injections, on ${cpus().length} cores with Node.js ${process.version}.

A row holds if, each time:

- the status, the reason and the detail are the ones shown;
- detection takes no longer than its bound: \`interval\` ${settings.interval} ms, \`failureThreshold\` ${settings.failureThreshold} × \`timeout\` ${settings.timeout} ms,
  \`confirmInterval\` ${settings.confirmInterval} ms, and 100 ms: ${detectionBoundMs} ms in all;
- recovery takes no longer than \`interval\`, \`timeout\` and 100 ms: ${recoveryBoundMs} ms; a bound is longer where the server
  itself needs time to fail or to come back;
- \`/healthz\` answers 200 throughout, and a healthy dependency beside it neither fails nor is skipped.
${calm === undefined ? '' : calmSection(calm)}
${scenes.map(sceneTable).join('\n')}`
}

function calmSection({ starts, minutes, checks, failures, skipped, flips }: Calm): string {
  return `
## Nothing is wrong

${starts} programs, started at random moments, watched healthy PostgreSQL, Redis, HTTP and TCP servers side by side for ${minutes}
minutes, every 500 ms with a timeout of 300 ms: ${checks} checks, ${failures} failed, ${skipped} skipped, **${flips} false changes of status**.
`
}

const head =
  '| # | fault | Pulsecheck says | injections | detected: p50, p99, max (bound) | recovered: p50, p99, max (bound) | |\n|---|---|---|---|---|---|---|'

function sceneTable({ title, played, unplayed }: SceneReport): string {
  const rows = played.map(row)
  const missing = unplayed.map(({ id, fault, why }) => `| ${id} | ${fault} | not played: ${why} | | | | |`)
  return `## ${title}\n\n${[head, ...rows, ...missing].join('\n')}\n`
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
