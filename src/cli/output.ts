/** What a command leaves behind: its output and its exit code. */
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
export interface ProgressLine {
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
