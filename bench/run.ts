/**
 * All benches one after another, and what came of them: `npm run bench`. A whole run writes docs/performance.md.
 *
 *     node bench/run.ts [--only=text] [--minutes=10]
 *
 * It takes about an hour, most of which is `footprint` (`--minutes`), and needs root on Debian or Ubuntu once, to install the peers. Run
 * it on a machine that does nothing else: the load average at both ends is part of what it writes.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Bar, isMet } from './support/bars.ts'
import { parameters } from './support/parameters.ts'

const { only, minutes } = parameters({ only: '', minutes: 10 })

/** In the order of the document. */
const benches: readonly (readonly [name: string, ...parameters: string[]])[] = [
  ['footprint', `--minutes=${minutes}`],
  ['start'],
  ['cycle'],
  ['scrape'],
  ['reload', '--rounds=20'],
  ['probes'],
  ['embedded'],
  ['latency'],
  ['checks'],
  ['postgres'],
  ['redis'],
  ['schedule'],
  ['schedule', '--kind=instant', '--dependencies=10000', '--interval=10'],
  ['memory'],
]

interface Ran {
  readonly command: string
  readonly output: string
  readonly failed: boolean
}

const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
const collected = join(folder, 'bars')
writeFileSync(collected, '')

async function run([name, ...args]: readonly [string, ...string[]]): Promise<Ran> {
  const file = join(import.meta.dirname, `${name}.ts`)
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, PULSECHECK_BARS: collected, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  console.log(output)
  return {
    command: ['npm run', `bench:${name}`, ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    output,
    failed: code !== 0,
  }
}

function barsTable(bars: readonly Bar[]): string {
  const rows = bars.map(bar => {
    const { what, value, unit, atMost, atLeast } = bar
    const limit = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
    return `| ${what} | ${spell(value)}${unit} | ${limit} | ${isMet(bar) ? 'met' : '**missed**'} |`
  })
  return ['| what | measured | bar | |', '|---|---|---|---|', ...rows].join('\n')
}

function spell(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const started = { at: new Date().toISOString().slice(0, 16), load: loadavg()[0] ?? 0 }
const ran: Ran[] = []
try {
  for (const bench of benches) if (bench[0].includes(only)) ran.push(await run(bench))
  const lines = readFileSync(collected, 'utf8').split('\n').filter(Boolean)
  const bars = lines.map((line): Bar => JSON.parse(line))
  const failed = ran.filter(({ failed }) => failed).map(({ command }) => command)
  console.log(barsTable(bars))
  if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`)
  if (only === '') publish(bars)
} finally {
  rmSync(folder, { recursive: true })
}

/** Between the marks of the document; what is around them is written by hand. */
function publish(bars: readonly Bar[]): void {
  const file = join(import.meta.dirname, '../docs/performance.md')
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()})`
  const load = `load average ${started.load.toFixed(1)} at the start and ${(loadavg()[0] ?? 0).toFixed(1)} at the end`
  const head = `Measured on ${started.at} UTC with Node.js ${process.version} on ${machine}, ${load}.`
  const tables = ran.map(({ command, output }) => `\`${command}\`\n\n\`\`\`text\n${output.trim()}\n\`\`\``)
  const measured = [head, barsTable(bars), '## Every table', ...tables].join('\n\n')
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(/(?<=<!-- measured -->\n)[\s\S]*(?=<!-- \/measured -->)/, () => `\n${measured}\n\n`),
  )
}
