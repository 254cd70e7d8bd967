/**
 * CPU of 1,000 checks, beside blackbox_exporter on the same servers in the same run: HTTP and TCP, a fresh connection each.
 *
 *     node bench/checks.ts [checksPerSecond = 500] [seconds = 10]
 *
 * Ours is the real program with that many dependencies, every second. blackbox_exporter is asked by `/probe` at the same
 * rate, which is how Prometheus drives it; that request is part of its way of working, and so of its CPU. CPU is what
 * the kernel charged each process (utime + stime), idle cost included. The two take turns. Installs its peer on Debian.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const [rate = 500, seconds = 10] = process.argv.slice(2).map(Number)
const rounds = 3
/** Clock ticks of /proc/PID/stat per second: the kernel's USER_HZ on every Linux platform that Node runs on. */
const ticks = 100

execFileSync('bash', [join(import.meta.dirname, '../scripts/machine.sh'), 'prometheus-blackbox-exporter'], {
  stdio: 'inherit',
})
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
const targets = fork(new URL('./support/targets.ts', import.meta.url))
const [ports]: { http: number; tcp: number }[] = (await once(targets, 'message')) as never
if (ports === undefined) throw new Error('the targets said no ports')

function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

async function measured(child: ChildProcess, count: () => Promise<number>): Promise<number> {
  const [cpu, done] = [cpuSeconds(child), await count()]
  await sleep(seconds * 1_000)
  return ((cpuSeconds(child) - cpu) * 1_000) / (((await count()) - done) / 1_000)
}

async function ours(kind: 'http' | 'tcp'): Promise<number> {
  const options =
    kind === 'http'
      ? { kind, url: `http://127.0.0.1:${ports?.http}/` }
      : { kind, host: '127.0.0.1', port: ports?.tcp }
  const dependencies = Object.fromEntries(Array.from({ length: rate }, (_, i) => [`d${i}`, options]))
  const config = join(folder, 'ours.yml')
  writeFileSync(config, JSON.stringify({ defaults: { interval: '1s', timeout: '1s' }, dependencies }))
  const launcher = join(import.meta.dirname, '../src/bin.cts')
  const child = spawn(
    process.execPath,
    [launcher, '--config.file', config, '--web.listen-address', '127.0.0.1:0'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.stderr.on('data', data => {
    log += data
  })
  while (!/metrics=\S+/.test(log)) await sleep(20)
  const url = /metrics=(\S+)/.exec(log)?.[1] ?? ''
  await sleep(3_000)
  const count = async () => {
    const text = await (await fetch(url)).text()
    return [...text.matchAll(/^dependency_checks_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    )
  }
  return await ended(child, measured(child, count))
}

async function blackbox(kind: 'http' | 'tcp'): Promise<number> {
  const config = join(folder, 'blackbox.yml')
  writeFileSync(
    config,
    'modules:\n  http: { prober: http, http: { preferred_ip_protocol: ip4 } }\n  tcp: { prober: tcp, tcp: { preferred_ip_protocol: ip4 } }\n',
  )
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const child = spawn(
    'prometheus-blackbox-exporter',
    [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore' },
  )
  const target = kind === 'http' ? `http://127.0.0.1:${ports?.http}/` : `127.0.0.1:${ports?.tcp}`
  const agent = new Agent({ keepAlive: true })
  let done = 0
  const probe = () =>
    get(
      { port, host: '127.0.0.1', agent, path: `/probe?module=${kind}&target=${encodeURIComponent(target)}` },
      response => {
        response.resume().once('end', () => done++)
      },
    ).on('error', () => {})
  await sleep(500)
  let sent = 0
  const started = performance.now()
  // Sends what is due: no timer fires as often as checks are.
  const pump = setInterval(() => {
    for (const due = ((performance.now() - started) / 1_000) * rate; sent < due; sent++) probe()
  }, 5)
  await sleep(3_000)
  try {
    return await ended(
      child,
      measured(child, async () => done),
    )
  } finally {
    clearInterval(pump)
    agent.destroy()
  }
}

async function ended<T>(child: ChildProcess, work: Promise<T>): Promise<T> {
  try {
    return await work
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

try {
  console.log(`CPU of 1,000 checks at ${rate}/s, median of ${rounds} turns of ${seconds} s`)
  for (const kind of ['http', 'tcp'] as const) {
    const [mine, theirs]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      mine.push(await ours(kind))
      theirs.push(await blackbox(kind))
    }
    const ratio = median(mine) / median(theirs)
    console.log(
      `${kind.padEnd(5)} pulsecheck ${median(mine).toFixed(0)} ms   blackbox_exporter ${median(theirs).toFixed(0)} ms   ratio ${ratio.toFixed(2)}   (bar: at most ${kind === 'http' ? 0.6 : 0.5})`,
    )
  }
} finally {
  targets.kill()
  rmSync(folder, { recursive: true })
}
