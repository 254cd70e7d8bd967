/** The program as it is shipped, and bare `node:http` beside it, each in a process of its own with a clean environment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freshLauncher } from '../../scripts/fresh.ts'
import { closedPort } from '../../test/support/net.ts'
import { read } from './scraper.ts'

/** What the kernel says of a process, in MiB: all that it has in memory, what is its own, and its largest ever. */
export interface Footprint {
  readonly rss: number
  readonly own: number
  readonly peak: number
}

export interface Started {
  readonly port: number
  /** From exec to the first 200 of `/healthz`. */
  readonly tookMs: number
  footprint(): Footprint
  /** Seconds of processor time since its start. */
  cpuSeconds(): number
  /** An orderly end. */
  stop(): Promise<void>
}

/** Ten thousand dependencies are read, checked once and rendered in less. */
const patienceMs = 120_000
/** Clock ticks of /proc/PID/stat per second: the kernel's USER_HZ on every Linux platform that Node runs on. */
const ticks = 100
/** Answers everything, on the port that it is given. */
export const bare = `require('node:http').createServer((_, response) => response.end('ok')).listen(process.argv[1], '127.0.0.1')`

export function startBare(): Promise<Started> {
  return start(port => ['-e', bare, String(port)])
}

/** @param config as data. JSON is YAML. */
export async function startShipped(config: object, more: readonly string[] = []): Promise<Started> {
  const launcher = freshLauncher()
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
  const file = join(folder, 'pulsecheck.yml')
  writeFileSync(file, JSON.stringify(config))
  const flags = [...more, '--config.file', file, '--log.level', 'error', '--web.listen-address']
  const started = await start(port => [launcher, ...flags, `127.0.0.1:${port}`])
  const stop = async () => {
    await started.stop()
    rmSync(folder, { recursive: true })
  }
  return { ...started, stop }
}

async function start(args: (port: number) => readonly string[]): Promise<Started> {
  const port = await closedPort()
  const started = performance.now()
  const child = spawn(process.execPath, args(port), {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH },
  })
  await untilAnswered(port, () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
  })
  const { pid = 0 } = child
  return {
    port,
    tookMs: performance.now() - started,
    footprint: () => footprintOf(pid),
    cpuSeconds: () => cpuSecondsOf(pid),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** @param examine throws if the server will never answer. */
export async function untilAnswered(port: number, examine: () => void): Promise<void> {
  const started = performance.now()
  while (!(await answers(port))) {
    examine()
    if (performance.now() - started > patienceMs) throw new Error('the server answers nothing')
    await sleep(1)
  }
}

async function answers(port: number): Promise<boolean> {
  return await read(port, '/healthz', {}).then(
    () => true,
    () => false,
  )
}

export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

export function footprintOf(pid: number): Footprint {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
  return { rss: mib('VmRSS'), own: mib('RssAnon'), peak: mib('VmHWM') }
}
