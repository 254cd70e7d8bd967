/** Writing for people and for pipes. */
import type { Writable } from 'node:stream'
import { Exit, exitCodes } from './exit.ts'

/**
 * Resolves when the stream has taken all of it, or its reader has gone: a closed pipe is nobody's fault.
 *
 * @throws Exit 1 if it cannot be written, to a full disk for example. `failOnLostOutput` says why.
 */
export async function print(stream: Writable, text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<Error | null | undefined>()
  stream.write(text, resolve)
  if (isFailure(await promise)) throw new Exit(exitCodes.failed)
}

/** A failed write to standard output is told once, and makes the exit code 1 unless the command ends with another. */
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

/** One line that is written over and over. */
export interface ProgressLine {
  show(text: string): void
  clear(): void
}

/** On a terminal; anywhere else it writes nothing. */
export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  const write = (text: string) => {
    if (stream.isTTY) stream.write(`\r\x1b[2K${text.slice(0, (stream.columns || 80) - 1)}`)
  }
  return { show: write, clear: () => write('') }
}
