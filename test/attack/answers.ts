/** What a server answered during an attack: statuses, and whatever no answer may hold. */
import type { Socket } from 'node:net'

/** As it goes from process to process. */
export interface AnswersSeen {
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>
  /** The first few pieces of text that should not have been there. */
  readonly leaks: readonly string[]
}

export interface Answers {
  /** Reads a socket to its end. */
  read(socket: Socket): void
  seen(): AnswersSeen
}

const maxLeaks = 5
/** A frame of a stack trace, a path of the program, or the name of an internal error. */
const leak = /\n {4}at \S|node:internal|\/src\/\w+\/|\/dist\/|node_modules|ERR_[A-Z_]{4}|FST_ERR/
/** Enough for the head of an answer and the whole of a small one. */
const lookedAt = 2_048

export function createAnswers(): Answers {
  const statuses: Record<string, number> = {}
  const leaks: string[] = []

  function look(chunk: Buffer): void {
    const text = chunk.subarray(0, lookedAt).toString('latin1')
    for (const [, status = ''] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g))
      statuses[status] = (statuses[status] ?? 0) + 1
    const found = leak.exec(text)
    if (found !== null && leaks.length < maxLeaks)
      leaks.push(text.slice(Math.max(0, found.index - 80), found.index + 120))
  }
  return {
    read: socket => void socket.on('data', look),
    seen: () => ({ statuses, leaks }),
  }
}

/** Statuses of 500 and above that are no design: 503 asks to come back, 505 declines HTTP/2. */
export function serverErrors({ statuses }: AnswersSeen): number {
  return Object.entries(statuses)
    .filter(([status]) => Number(status) >= 500 && status !== '503' && status !== '505')
    .reduce((sum, [, count]) => sum + count, 0)
}
