/** The real program as a child process, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { StatusReport } from '../../src/views/status.ts'
import { until } from './net.ts'

const sources = join(import.meta.dirname, '../../src/bin.cts')

export interface ProgramOptions {
  /** The config as data. Left out: none, and no file is named. */
  readonly config?: object
  readonly flags?: readonly string[]
  /** Files beside the config, by name. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** In place of pipes: `['ignore', fd, fd]`. */
  readonly stdio?: readonly ('ignore' | 'pipe' | number)[]
  /** A program that runs ours, with its arguments: `['unshare', '--mount']`. */
  readonly inside?: readonly string[]
  /** Default: that of the sources. */
  readonly launcher?: string
}

/** A process that runs, whatever it does. */
export interface Running {
  readonly child: ChildProcess
  readonly folder: string
  readonly configFile: string
  /** What it has written so far. */
  output(): { readonly stdout: string; readonly stderr: string }
  /** Its exit code, as a shell tells it: 128 and the number of the signal that ended it. */
  readonly ended: Promise<number>
}

/** Starts the program; it is killed at the latest when `remove` is called. */
export function launch({
  config,
  flags = [],
  files = {},
  env = {},
  stdio,
  inside = [],
  launcher = sources,
}: ProgramOptions): Running & { remove(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-e2e-'))
  const configFile = join(folder, 'pulsecheck.yml')
  if (config !== undefined) writeFileSync(configFile, stringify(config))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const named = config === undefined ? [] : ['--config.file', configFile]
  const [command = '', ...args] = [...inside, process.execPath, launcher, ...flags, ...named]
  const child = spawn(command, args, {
    cwd: folder,
    // With a home, compiled code is kept from one start to the next.
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
    stdio: [...(stdio ?? ['ignore', 'pipe', 'pipe'])],
  })
  const [out, err] = [collect(child.stdout), collect(child.stderr)]
  const ended = once(child, 'close').then(
    ([code, signal]) => code ?? 128 + constants.signals[signal as NodeJS.Signals],
  )
  const remove = async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  return { child, folder, configFile, output: () => ({ stdout: out(), stderr: err() }), ended, remove }
}

export interface Program extends Running {
  /** `http://127.0.0.1:port` */
  readonly url: string
  get(
    path: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string; headers: Headers }>
  health(): Promise<StatusReport>
  /** The value of one series, by its name and labels as text: `dependency_up{dependency="cache",kind="redis"}`. */
  metric(series: string): Promise<number | undefined>
  remove(): Promise<void>
}

/** Starts the service and waits until it listens. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const listen = ['--web.listen-address', '127.0.0.1:0']
  const running = launch({ ...options, flags: [...listen, ...(options.flags ?? [])] })
  let isOver = false
  running.ended.then(() => {
    isOver = true
  })
  const address = () => /https?:\/\/127\.0\.0\.1:\d+/.exec(running.output().stderr)?.[0]
  await until(() => isOver || address() !== undefined, 'the program listens').catch(async error => {
    await running.remove()
    throw error
  })
  const url = address()
  if (url === undefined) throw new Error(`the program ended: ${running.output().stderr}`)
  const get: Program['get'] = async (path, headers = {}) => {
    const response = await fetch(`${url}${path}`, { headers })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
  return {
    ...running,
    url,
    get,
    health: async () => JSON.parse((await get('/health')).text),
    async metric(series) {
      const line = (await get('/metrics')).text.split('\n').find(line => line.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length + 1))
    },
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  return () => text
}
