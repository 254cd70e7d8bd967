/** The demo's stage: a folder and child processes that are gone when the demo ends, however it ends. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endChild, killGroup, readOutput, untilLine } from './process.ts'

/** What stands behind a dependency of the demo. */
export interface Presence {
  /** In a few words: `PostgreSQL 18.4`. */
  readonly what: string
  /** The trouble that it can have; an absent one has none. */
  readonly trouble?: Trouble
  /** Why it is absent, and its dependency down: the command that would install it, or what went wrong. */
  readonly remedy?: string
}

interface Trouble {
  /** What happens, in one line. */
  readonly act: string
  begin(): void
  end(): void
}

export interface Stage {
  /** Private to us; other users may pass through it to folders of their own. */
  readonly folder: string
  /** Aborted at the end: nothing more is started or waited for. */
  readonly over: AbortSignal
  /** Starts a server. It ends with the stage: by the given signal, or else by SIGKILL. */
  launch(command: string, args: readonly string[], options: LaunchOptions): Server
  /** Runs a program to its end and returns its standard output. It is never cut short: half of its work could not be undone. */
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
  /** Undoes what needs no waiting. */
  clearAtOnce(): void
}

export interface LaunchOptions extends SpawnOptions {
  /** What the server prints when it accepts connections. */
  readonly ready: RegExp
  readonly ending: NodeJS.Signals
}

export interface Server {
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
    // A group of its own: Ctrl-C in a terminal goes to us alone, and we end it in our order.
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
