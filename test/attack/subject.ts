/** The program under attack: as it is shipped, in a process and a memory group of its own, with many dependencies. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freshLauncher } from '../../scripts/fresh.ts'
import { closedPort, until } from '../support/net.ts'
import { createMemoryGroup } from './memory-group.ts'
import { raisePriority } from './priority.ts'

export interface SubjectOptions {
  /** URLs of what is checked. */
  readonly dependencies: readonly string[]
  readonly intervalMs: number
  readonly memoryMiB: number
  /** The text of a web config file. Default: none. */
  readonly web?: string
  /** `user:password` of somebody who may read the metrics. */
  readonly auth?: string
}

/** What the system says of the process. */
export interface Usage {
  readonly rssMiB: number
  /** With socket buffers; NaN without a group. */
  readonly groupMiB: number
  readonly descriptors: number
  /** Of the process, from its start. */
  readonly cpuSeconds: number
  /** For which its main thread was ready to run, and had no core; NaN where the system does not say. */
  readonly waitSeconds: number
}

export interface Counters {
  readonly checks: number
  readonly failed: number
  readonly skipped: number
}

export interface Subject {
  readonly port: number
  /** Of the address that answers probes alone. */
  readonly probesPort: number
  /** The launcher, from the root. */
  readonly launcher: string
  readonly isBounded: boolean
  isAlive(): boolean
  usage(): Usage
  /** Over all dependencies, as `/metrics` has them. */
  counters(): Promise<Counters>
  /** Lines of the log that tell of a fault of the program's own. */
  faults(): readonly string[]
  stop(): Promise<void>
}

/** From the start to a result of every dependency, on a busy machine. */
const startMs = 60_000
const root = join(import.meta.dirname, '../..')
const fault =
  /level=(error|fatal)|request failed|could not be rendered|broke off|unhandled|uncaught|^\s+at |MaxListeners|FATAL/i

export async function startSubject(options: SubjectOptions): Promise<Subject> {
  const launcher = relative(root, freshLauncher())
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-attack-'))
  const [port, probesPort] = [await closedPort(), await closedPort()]
  const group = createMemoryGroup(options.memoryMiB * 2 ** 20)
  const log: string[] = []
  const child = launch({ launcher, folder, port, probesPort, procs: group?.procs, options })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) if (fault.test(line) && log.length < 20) log.push(line.slice(0, 300))
  })
  raisePriority(child.pid)
  const isAlive = () => child.exitCode === null && child.signalCode === null
  const remove = () => {
    group?.remove()
    rmSync(folder, { recursive: true })
  }
  const abandon = () => {
    child.kill('SIGKILL')
    // The system takes a moment to bury it, and a group that holds a process stays.
    for (let tries = 0; tries < 100 && !attempt(remove); tries++)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  }
  process.once('exit', abandon)
  const stop = async () => {
    process.off('exit', abandon)
    const ended = once(child, 'exit')
    if (child.kill('SIGTERM') && isAlive()) await ended
    remove()
  }
  const counters = () => countersOf(port, options.auth)
  const checksSoFar = async () => {
    if (!isAlive()) throw new Error(`the program ended with ${child.exitCode}: ${log.join(' ')}`)
    await sleep(200)
    return counters().then(
      ({ checks }) => checks,
      () => 0,
    )
  }
  try {
    const isComplete = async () => (await checksSoFar()) >= options.dependencies.length
    await until(isComplete, 'every dependency has been checked', startMs)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    port,
    probesPort,
    launcher,
    isBounded: group !== undefined,
    isAlive,
    counters,
    faults: () => log,
    usage: () => ({
      rssMiB: rssOf(child.pid ?? 0),
      groupMiB: group === undefined ? Number.NaN : group.usage() / 2 ** 20,
      cpuSeconds: cpuSecondsOf(child.pid ?? 0),
      waitSeconds: waitSecondsOf(child.pid ?? 0),
      descriptors: isAlive() ? readdirSync(`/proc/${child.pid}/fd`).length : 0,
    }),
    stop,
  }
}

function attempt(action: () => void): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}

interface Launch {
  readonly launcher: string
  readonly folder: string
  readonly port: number
  readonly probesPort: number
  readonly procs: string | undefined
  readonly options: SubjectOptions
}

function launch({ launcher, folder, port, probesPort, procs, options }: Launch): ChildProcess {
  const config = join(folder, 'pulsecheck.yml')
  const lines = options.dependencies.map((url, i) => `  ${url.split(':')[0]}-${i}: ${JSON.stringify(url)}`)
  const defaults = `defaults:\n  interval: ${options.intervalMs}ms\n`
  const probes = `server:\n  probes:\n    listen: ["127.0.0.1:${probesPort}"]\n`
  writeFileSync(config, `${probes}${defaults}dependencies:\n${lines.join('\n')}\n`)
  const args = [join(root, launcher), '--config.file', config, '--web.listen-address', `127.0.0.1:${port}`]
  if (options.web !== undefined) {
    writeFileSync(join(folder, 'web.yml'), options.web)
    args.push('--web.config.file', join(folder, 'web.yml'))
  }
  const joining = procs === undefined ? 'shift; exec "$@"' : 'echo $$ > "$1" && shift && exec "$@"'
  return spawn('sh', ['-c', joining, 'sh', procs ?? '', process.execPath, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH },
  })
}

async function countersOf(port: number, auth: string | undefined): Promise<Counters> {
  const headers = { ...(auth !== undefined && { authorization: `Basic ${btoa(auth)}` }) }
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers })
  const text = await answer.text()
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    )
  if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}`)
  return {
    checks: sum('dependency_checks_total'),
    failed: sum('dependency_check_failures_total'),
    skipped: sum('dependency_checks_skipped_total'),
  }
}

function rssOf(pid: number): number {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kib ?? 0) / 1_024
  } catch {
    return 0
  }
}

/** proc(5) counts in hundredths of a second on Linux, whatever its timer. */
function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return Number.NaN
  }
}

/** The second field is nanoseconds on the run queue (Documentation/scheduler/sched-stats.rst of Linux). */
function waitSecondsOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e9
  } catch {
    return Number.NaN
  }
}
