/** The log of the process: pino, as logfmt or JSON, to a stream that may fill up or break without harm. */
import type { Writable } from 'node:stream'
import { type LevelWithSilent, type Logger, pino } from 'pino'
import type { GlobalFlags } from './flags.ts'

interface LoggerOptions {
  readonly level: LevelWithSilent
  readonly format: GlobalFlags['log.format']
  readonly stream: Writable
}

/** With this much unread output, further lines are dropped, so that a stalled reader does not fill our memory. */
const maxBacklogBytes = 1 << 20

/**
 * A logger that never throws, blocks or ends the process: a full disk or a closed pipe loses lines and nothing else.
 * Time is RFC 3339 in UTC, as Prometheus' own programs write it.
 */
export function createLogger({ level, format, stream }: LoggerOptions): Logger {
  let dropped = 0
  // Without a listener, the first failed write would end the process.
  stream.on('error', () => {})
  const write = (line: string) => {
    if (stream.destroyed || stream.writableLength > maxBacklogBytes) return void dropped++
    const note = dropped > 0 ? line.replace('}', `,"dropped":${dropped}}`) : line
    dropped = 0
    stream.write(format === 'json' ? note : logfmt(note))
  }
  return pino(
    {
      level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    { write },
  )
}

/** Resolves when all output has been written, or at the limit: a stalled reader must not delay the exit. */
export async function flush(stream: Writable, limitMs: number): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  stream.write('', () => resolve())
  await promise
  clearTimeout(timer)
}

/**
 * A JSON log line as logfmt: `key=value`, quoted where a value needs it.
 *
 * @param line one JSON object and a newline, as pino writes it. Nested values stay JSON, in quotes.
 */
export function logfmt(line: string): string {
  const { ts, level, msg, ...rest }: Record<string, unknown> = JSON.parse(line)
  const ordered = { ts, level, msg, ...rest }
  const pairs = Object.entries(ordered).filter(([, value]) => value !== undefined)
  return `${pairs.map(([key, value]) => `${key}=${spell(value)}`).join(' ')}\n`
}

/** JSON's quoting is logfmt's: control characters escaped, so that no value can begin a line of its own. */
function spell(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s="\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text)
}
