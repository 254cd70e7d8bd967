/** The demo's stage: a folder and child processes that are removed when the demo ends, however it ends. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** The server behind a dependency of the demo. */
export interface Presence {
  /** In a few words: `PostgreSQL 18.4`. */
  readonly what: string
  /** How it can be broken; not if it is absent. */
  readonly trouble?: Trouble
  /** If it is absent, so that its dependency is down: the command that installs it, or what went wrong. */
  readonly remedy?: string
}

interface Trouble {
  /** What happens, in one line. */
  readonly act: string
  begin(): void
  end(): void
}

export interface Stage {
  /** Not readable by other users, who may only enter their own folders within it. */
  readonly folder: string
  /** Aborted at the end. After that, nothing is started or awaited. */
  readonly over: AbortSignal
  /** Starts a server. It is ended with the stage: by the given signal, or else by SIGKILL. */
  launch(command: string, args: readonly string[], options: LaunchOptions): Server
  /** Runs a program and returns its standard output. It is never interrupted, since half of its work could not be undone. */
  execute(
    command: string,
    args: readonly string[],
    options: SpawnOptions & { input?: string },
  ): Promise<string>
  /** Runs `undo` when the stage is cleared, the last one first. */
  defer(undo: () => Promise<void> | void): void
  end(): void
  /** Undoes everything. */
  clear(): Promise<void>
  /** Undoes everything that does not need to be awaited. */
  clearAtOnce(): void
}

interface LaunchOptions extends SpawnOptions {
  /** What the server prints when it accepts connections. */
  readonly ready: RegExp
  readonly ending: NodeJS.Signals
}

interface Server {
  signal(signal: NodeJS.Signals): void
  /** Rejects with the server's last line if it exits first. */
  readonly ready: Promise<void>
}

export function openStage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-demo-'))
  chmodSync(folder, 0o711)
  const controller = new AbortController()
  const children = new Set<ChildProcess>()
  const undos: (() => Promise<void> | void)[] = []
  const start = (command: string, args: readonly string[], options: SpawnOptions) => {
    controller.signal.throwIfAborted()
    // A process group of its own: Ctrl-C in a terminal reaches us alone, and we end the children in order.
    const child = spawn(command, args, { cwd: folder, ...options, detached: true })
    children.add(child)
    const forget = () => children.delete(child)
    child.once('exit', forget).once('error', forget)
    return child
  }
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  const stage: Stage = {
    folder,
    over: controller.signal,
    launch(command, args, { ready, ending, ...options }) {
      const child = start(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
      undos.push(() => endChild(child, ending))
      return { signal: name => void child.kill(name), ready: untilLine(child, ready, controller.signal) }
    },
    async execute(command, args, { input = '', ...options }) {
      const child = start(command, args, { ...options, stdio: 'pipe' })
      child.stdin?.on('error', () => {}).end(input)
      return await readOutput(child)
    },
    defer: undo => void undos.push(undo),
    end: () => controller.abort(),
    async clear() {
      controller.abort()
      for (const undo of undos.splice(0).reverse()) await undo()
      removeFolder()
    },
    clearAtOnce() {
      for (const { pid } of children) if (pid !== undefined) killGroup(pid)
      removeFolder()
    },
  }
  return stage
}

/** A loopback port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A server that ignores its signal is killed after this long, in milliseconds. */
const endingMs = 3_000

/** Ends a child by a signal, or else by SIGKILL. Resolves when it has exited. */
async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), endingMs)
  await exit
  clearTimeout(timer)
}

/** Kills a process and its group at once. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has exited already.
  }
}

/** Resolves when the child prints a matching line. Rejects with its last line if it exits first, and at the abort. */
function untilLine(child: ChildProcess, ready: RegExp, over: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let last = ''
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    // Read to the end: a server whose log nobody reads blocks.
    createInterface({ input: stream }).on('line', line => {
      last = line
      if (ready.test(line)) resolve()
    })
  }
  child.once('error', reject).once('close', () => reject(new Error(last || 'it exited at once')))
  over.addEventListener('abort', () => reject(over.reason), { once: true })
  promise.catch(() => {})
  return promise
}

/** Collects what a child prints until it exits. Rejects with the last line of its standard error if its code is not 0. */
async function readOutput(child: ChildProcess): Promise<string> {
  const text = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text.stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', chunk => {
    text.stderr += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(text.stderr.trim().split('\n').at(-1) ?? `exit code ${code}`)
  return text.stdout
}

/** The first of these programs on the PATH. */
export function onPath(...names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(existsSync)
}

/** The command that installs a package on this system. */
export function installCommand(debian: string, brew: string): string {
  return process.platform === 'darwin' ? `brew install ${brew}` : `apt-get install ${debian}`
}
