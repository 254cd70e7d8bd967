/**
 * CPU of 1,000 checks, beside blackbox_exporter on the same servers in the same run: HTTP and TCP, a fresh connection each.
 *
 *     node bench/checks.ts [--rate=500] [--seconds=10] [--rounds=3] [--warmUp=3]
 *
 * Ours is the real program with that many dependencies, every second. blackbox_exporter is asked by `/probe` at the same
 * rate, which is how Prometheus drives it; that request is part of its way of working, and so of its CPU. CPU is what
 * the kernel charged each process (utime + stime), idle cost included; only checks that succeeded count. The two take
 * turns of `seconds` each, after `warmUp` seconds. Installs its peer on Debian.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { freshLauncher } from '../scripts/fresh.ts'
import { closedPort, until } from '../test/support/net.ts'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { parameters } from './support/parameters.ts'
import type { Ports } from './support/targets.ts'
import { line, takeTurns } from './support/turns.ts'

const { rate, seconds, rounds, warmUp } = parameters({ rate: 500, seconds: 10, rounds: 3, warmUp: 3 })
/** Clock ticks of /proc/PID/stat per second: the kernel's USER_HZ on every Linux platform that Node runs on. */
const ticks = 100

execFileSync('bash', [join(import.meta.dirname, '../scripts/machine.sh'), 'prometheus-blackbox-exporter'], {
  stdio: 'inherit',
})
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
const targets = startChild('targets.ts')
const ports = await receive<Ports>(targets)

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
      ? { kind, url: `http://127.0.0.1:${ports.http}/` }
      : // As the peer does it: a connection, and nothing after it.
        { kind, host: '127.0.0.1', port: ports.tcp, settle: '0' }
  const dependencies = Object.fromEntries(Array.from({ length: rate }, (_, i) => [`d${i}`, options]))
  const config = join(folder, 'ours.yml')
  writeFileSync(config, JSON.stringify({ defaults: { interval: '1s', timeout: '1s' }, dependencies }))
  const launcher = freshLauncher()
  const child = spawn(
    process.execPath,
    [launcher, '--config.file', config, '--web.listen-address', '127.0.0.1:0'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.stderr.on('data', data => {
    log += data
  })
  const work = async () => {
    await until(() => child.exitCode !== null || /metrics=http/.test(log), 'pulsecheck listens')
    const url = /metrics=(http\S+)/.exec(log)?.[1] ?? ''
    await sleep(warmUp * 1_000)
    return await measured(child, async () => successes(await (await fetch(url)).text()))
  }
  return await ended(child, work())
}

/** Completed checks less failed ones, over all dependencies. */
function successes(text: string): number {
  const total = (family: string) =>
    [...text.matchAll(new RegExp(`^${family}\\{.*\\} (\\d+)$`, 'gm'))].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    )
  return total('dependency_checks_total') - total('dependency_check_failures_total')
}

async function blackbox(kind: 'http' | 'tcp'): Promise<number> {
  const config = join(folder, 'blackbox.yml')
  writeFileSync(
    config,
    'modules:\n  http: { prober: http, http: { preferred_ip_protocol: ip4 } }\n  tcp: { prober: tcp, tcp: { preferred_ip_protocol: ip4 } }\n',
  )
  const port = await closedPort()
  const child = spawn(
    'prometheus-blackbox-exporter',
    [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore' },
  )
  const target = kind === 'http' ? `http://127.0.0.1:${ports.http}/` : `127.0.0.1:${ports.tcp}`
  const agent = new Agent({ keepAlive: true })
  let done = 0
  const probe = () =>
    get(
      { port, host: '127.0.0.1', agent, path: `/probe?module=${kind}&target=${encodeURIComponent(target)}` },
      response =>
        text(response).then(
          said => {
            if (/^probe_success 1$/m.test(said)) done++
          },
          () => {},
        ),
    ).on('error', () => {})
  const healthy = () => fetch(`http://127.0.0.1:${port}/-/healthy`).then(({ ok }) => ok)
  let pump: NodeJS.Timeout | undefined
  const work = async () => {
    await until(() => healthy().catch(() => false), 'blackbox_exporter listens')
    let sent = 0
    const started = performance.now()
    // Sends what is due: no timer fires as often as checks are.
    pump = setInterval(() => {
      for (const due = ((performance.now() - started) / 1_000) * rate; sent < due; sent++) probe()
    }, 5)
    await sleep(warmUp * 1_000)
    return await measured(child, async () => done)
  }
  try {
    return await ended(child, work())
  } finally {
    clearInterval(pump)
    agent.destroy()
  }
}

async function ended<T>(child: ChildProcess, work: Promise<T>): Promise<T> {
  try {
    return await work
  } finally {
    if (child.kill('SIGKILL')) await once(child, 'exit')
  }
}

try {
  const rows: Record<string, Record<string, string>> = {}
  for (const kind of ['http', 'tcp'] as const) {
    const turns = await takeTurns(
      rounds,
      () => ours(kind),
      () => blackbox(kind),
      0,
    )
    const atMost = kind === 'http' ? 0.6 : 0.5
    hold({ what: `check of ${kind}: CPU`, value: turns.ratio, unit: ' × blackbox_exporter', atMost })
    rows[kind] = line('blackbox_exporter', turns, `at most ${atMost}`)
  }
  console.log(`CPU of 1,000 checks (ms) at ${rate}/s, median of ${rounds} turns of ${seconds} s`)
  console.table(rows)
} finally {
  targets.kill()
  rmSync(folder, { recursive: true })
}
