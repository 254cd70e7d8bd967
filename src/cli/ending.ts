/** How a command ends: its output, its exit code, the signals that end it, and the stack of a bug. */

import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import type { Writable } from 'node:stream'

/** For scripts and supervisors to act on. */
export const exitCodes = {
  ok: 0,
  /** An internal error, or a failed `check` or `wait`. */
  failed: 1,
  usage: 2,
  config: 3,
  cannotListen: 4,
} as const

/** Ends a command with this code, after writing the lines to standard error. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number
  readonly lines: readonly string[]

  constructor(code: number, lines: readonly string[] = []) {
    super(lines.join('\n'))
    this.code = code
    this.lines = lines
  }
}

/**
 * Resolves when the stream has taken all of the text, or when its reader has gone: a closed pipe is not an error.
 *
 * @throws Exit 1 if the text cannot be written, for example to a full disk. `failOnLostOutput` prints the reason.
 */
export async function print(stream: Writable, text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<Error | null | undefined>()
  stream.write(text, resolve)
  if (isFailure(await promise)) throw new Exit(exitCodes.failed)
}

/** Reports the first failed write to standard output, and sets exit code 1 unless the command sets another. */
export function failOnLostOutput({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): void {
  stderr.on('error', () => {})
  stdout.on('error', () => {})
  stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (!isFailure(error)) return
    stderr.write(`error: cannot write to standard output (${error.code})\n`)
    process.exitCode ||= exitCodes.failed
  })
}

function isFailure(error: NodeJS.ErrnoException | null | undefined): boolean {
  return error?.code !== undefined && error.code !== 'EPIPE'
}

/** One line that is overwritten in place. */
interface ProgressLine {
  show(text: string): void
  clear(): void
}

/** Writes only to a terminal. */
export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  const write = (text: string) => {
    if (stream.isTTY) stream.write(`\r\x1b[2K${text.slice(0, (stream.columns || 80) - 1)}`)
  }
  return { show: write, clear: () => write('') }
}

/** The signals that reached the launcher. */
export interface EarlySignals {
  /** Whether SIGHUP was received. */
  hungUp(): boolean
}

/** The signals that end a command, and the exit code a shell reports for each. */
export const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** Makes this the only listener of the signal. It also gets one that was delivered but not yet dispatched. */
export function takeOver(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
  const before = process.listeners(signal)
  process.on(signal, listener)
  for (const each of before) process.off(signal, each)
}

/** Restores the default of SIGHUP, which is to end the process. If one was received before, the process ends now. */
export function endOnHangup({ hungUp }: EarlySignals): void {
  const end = () => endAtOnce('SIGHUP', 129)
  if (hungUp()) end()
  takeOver('SIGHUP', end)
}

/**
 * Ends the process by the signal's default action, which waits for nothing; `process.exit` would wait for a thread that
 * reads a file from a dead network share. The first process of a container has no default actions, so it exits instead.
 */
export function endAtOnce(signal: NodeJS.Signals, code: number): never {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  process.exit(code)
}

/** At the first signal, calls `letGo`, which must be quick, and ends the process. A second signal ends it at once. */
export function endOnSignal(letGo: () => Promise<void>): void {
  let isEnding = false
  for (const [signal, code] of Object.entries(signalCodes)) {
    takeOver(signal as NodeJS.Signals, async () => {
      if (isEnding) endAtOnce(signal as NodeJS.Signals, code)
      isEnding = true
      await letGo()
      process.exit(code)
    })
  }
}

/** A file with a line and a column, both counted from 1, as V8 writes them. */
const place = /(?:file:\/\/)?(\/[^\s():]+\.c?js):(\d+):(\d+)/g

/** Returns the stack with positions in the sources, where there is a source map beside a file. */
export function readableStack(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const maps = new Map<string, SourceMap | undefined>()
  return stack.replace(place, (unchanged, file: string, line: string, column: string) => {
    if (!maps.has(file)) maps.set(file, readMap(file))
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column))
    if (origin === undefined || !('fileName' in origin)) return unchanged
    return `${origin.fileName.replace(/^(\.\.\/)+/, '')}:${origin.lineNumber}:${origin.columnNumber}`
  })
}

function readMap(file: string): SourceMap | undefined {
  const map = `${file}.map`
  return existsSync(map) ? new SourceMap(JSON.parse(readFileSync(map, 'utf8'))) : undefined
}
