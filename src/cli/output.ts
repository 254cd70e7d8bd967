/** Writing for people and for pipes. */
import type { Writable } from 'node:stream'

/** Resolves when the stream has taken all of it, or cannot any more: a closed pipe is nobody's fault. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise(resolve => void stream.write(text, () => resolve()))
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
