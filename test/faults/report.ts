/** What was played, as docs/faults.md. Pure. */
import { cpus } from 'node:os'
import type { Calm } from './calm.ts'
import { parts } from './catalogue.ts'
import type { OwnPlayed } from './own/play.ts'
import { detectionBoundMs, type Played, recoveryBoundMs, settings } from './play.ts'
import type { Unplayed } from './scene.ts'

export interface SceneReport {
  readonly title: string
  readonly played: readonly Played[]
  readonly unplayed: readonly Unplayed[]
}

export interface OwnReport {
  readonly title: string
  readonly note?: string | undefined
  readonly played: readonly OwnPlayed[]
  readonly unplayed: readonly Unplayed[]
}

export interface Run {
  readonly scenes: readonly SceneReport[]
  readonly own: readonly OwnReport[]
  readonly calm: Calm | undefined
}

export function faultsPage({ scenes, own, calm }: Run): string {
  const played = scenes.flatMap(scene => scene.played)
  const ownPlayed = own.flatMap(part => part.played)
  const injections = played.reduce((sum, { injections }) => sum + injections, 0)
  return `# Faults

What Pulsecheck says when a dependency fails, how long it takes to say so, and what it does when it is in trouble itself.
\`npm run faults\` plays every row again, against the real program and real servers, and writes this page.

- **Dependencies**: ${share(played)} held, in ${injections} injections. [Tables](#dependencies)
- **Pulsecheck itself**: ${share(ownPlayed)} held. [Tables](#pulsecheck-itself)
${calm === undefined ? '' : `- **Nothing is wrong**: ${calm.flips} false changes of status in ${calm.checks} checks. [Details](#nothing-is-wrong)\n`}
Measured on ${cpus().length} cores with Node.js ${process.version}.

## How to read the tables

Pulsecheck runs as its own process with \`interval: ${settings.interval}ms\`, \`timeout: ${settings.timeout}ms\`,
\`confirmInterval: ${settings.confirmInterval}ms\` and \`failureThreshold: ${settings.failureThreshold}\`. It checks the subject of the fault and a healthy
bystander. A client asks \`/readyz/<subject>\` and \`/healthz\` every 10 ms. The fault is injected at a random moment, stays until
the client sees it, and is taken back.

- **Pulsecheck says**: the status, and the reason and detail of the failure. [metrics.md](metrics.md#reasons-and-details)
  explains each.
- **Detected**: from the moment the fault is in place to the first 503 of \`/readyz/<subject>\`, as p50, p99 and maximum. The bound is
  \`interval + failureThreshold × timeout + confirmInterval + 100 ms\`, here ${detectionBoundMs} ms. It scales with your settings.
- **Recovered**: from the end of the fault to the first 200. The bound is \`interval + timeout + 100 ms\`, here ${recoveryBoundMs} ms.
  Where the server itself needs time to fail or to come back, that time is added, and the bound shown includes it.
- **Clients saw**: what \`/readyz/<subject>\` answered during the fault, and the slowest answer of \`/healthz\`.

A row **held** if each injection gave exactly this status, reason and detail within the bounds, \`/healthz\` always answered
200, and the bystander neither failed nor was skipped. A row that did not hold says what happened instead. A row that is
not played says why, or names the tests that hold it.

The ids are those of the catalogue in \`test/faults/catalogue.ts\`, which a test compares with this page: a letter and a number.
${legend()}.

## Dependencies

${scenes.map(sceneTable).join('\n')}
## Pulsecheck itself

Each row is played against the real program from outside.

${own.map(ownTable).join('\n')}${calm === undefined ? '' : calmSection(calm)}`
}

/** What the letters of the ids stand for. */
function legend(): string {
  return Object.entries(parts)
    .map(([letter, { title }]) => `\`${letter}\` is ${title}`)
    .join(', ')
}

function share(played: readonly { readonly problems: readonly string[] }[]): string {
  const held = played.filter(({ problems }) => problems.length === 0).length
  return `${held} of ${played.length} rows`
}

function calmSection({ starts, minutes, checks, failures, causes, skipped, flips }: Calm): string {
  return `
## Nothing is wrong

${starts} programs, started at random moments, watched healthy PostgreSQL, Redis, HTTP and TCP servers side by side for
${minutes} minutes, every ${settings.interval} ms with a timeout of ${settings.timeout} ms.

| checks | failed | skipped | false changes of status |
|---|---|---|---|
| ${checks} | ${[failures, ...causes].join('; ')} | ${skipped} | ${flips} |
`
}

function sceneTable({ title, played, unplayed }: SceneReport): string {
  const head = [
    '| # | fault | Pulsecheck says | injections | detected: p50, p99, max (bound) | recovered: p50, p99, max (bound) | clients saw | outcome |',
    '|---|---|---|---|---|---|---|---|',
  ]
  return `### ${title}\n\n${[...head, ...played.map(row)].join('\n')}\n${notPlayed(unplayed)}`
}

function row(played: Played): string {
  const { id, fault, injections, detectedMs, recoveredMs } = played
  return line([
    id,
    fault,
    says(played),
    String(injections),
    times(detectedMs, played.detectionBoundMs),
    times(recoveredMs, played.recoveryBoundMs),
    saw(played),
    outcome(played),
  ])
}

function says({ status, reason, detail }: Played): string {
  if (status === 'down') return `\`down\`, \`${reason}/${detail}\``
  return status === 'up' ? '`up`, still' : `\`${status}\`: checks are skipped, none fails`
}

function saw({ status, slowestAliveMs }: Played): string {
  return `${status === 'up' ? 200 : 503}; \`/healthz\` 200 within ${slowestAliveMs} ms`
}

function ownTable({ title, note, played, unplayed }: OwnReport): string {
  const rows = played.map(each => line([each.id, each.fault, each.promise, each.seen, outcome(each)]))
  const head = ['| # | fault | what must happen | what was seen | outcome |', '|---|---|---|---|---|']
  const table = rows.length === 0 ? '' : `${[...head, ...rows].join('\n')}\n`
  const said = note === undefined ? '' : `${note}\n\n`
  return `### ${title}\n\n${said}${table}${notPlayed(unplayed)}`
}

function notPlayed(rows: readonly Unplayed[]): string {
  if (rows.length === 0) return ''
  const lines = rows.map(({ id, fault, why, heldBy = [] }) =>
    line([id, fault, why, heldBy.map(testLink).join('; ')]),
  )
  return `\n| # | not played | why, or what happens | held by |\n|---|---|---|---|\n${lines.join('\n')}\n`
}

/** `test/kinds/tcp.test.ts: words of its name` */
function testLink(test: string): string {
  const [file = '', ...name] = test.split(': ')
  return `[${file}](../${file}) (“${name.join(': ')}”)`
}

function outcome({ problems }: { readonly problems: readonly string[] }): string {
  return problems.length === 0 ? 'held' : `**broken**: ${problems.join('; ')}`
}

/** A line of a table, whatever its cells hold. */
function line(cells: readonly string[]): string {
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`
}

function times(ms: readonly number[], boundMs: number): string {
  if (ms.length === 0) return ''
  const sorted = ms.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]
  return `${at(0.5)}, ${at(0.99)}, ${sorted.at(-1)} ms (${boundMs})`
}
