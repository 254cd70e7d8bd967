/**
 * What changes on the page, as server-sent events (HTML Living Standard, section 9.2). A stream is short: it ends after
 * some seconds, and the browser comes back by itself with the id of the last event, passes the access rules anew, and
 * reads on from there. So no stream outlives a withdrawn right, and none is in the way of a server that closes.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Board } from '../../views/board.ts'
import { reset } from '../http/deliveries.ts'

export interface Feed {
  /**
   * Writes to a response whose headers are sent, until it ends.
   *
   * @param lastId of the event that the reader saw last, if any; one of another process means from the beginning.
   * @param client whose stream it is. Where there is no room, the oldest one gives way of the client that has the most.
   */
  stream(response: ServerResponse, lastId: string, client: string): void
  /** We are about to close: ask `/health` now and then instead. */
  readonly refuses: boolean
  /** Ends all streams, and takes no more. */
  close(): void
}

export interface FeedTimes {
  /** Between two looks for changes. */
  readonly lookMs: number
  /** The first look after so long without an event sends one even if nothing changed: the page takes silence for trouble. */
  readonly beatMs: number
  /** Life of a stream; below `Limits.answerMs`. */
  readonly lifeMs: number
  /** A reader that does not take what was written for so long is dropped. */
  readonly patienceMs: number
}

export const feedTimes: FeedTimes = { lookMs: 1_000, beatMs: 1_500, lifeMs: 20_000, patienceMs: 8_000 }

/** Streams at once: enough for a control room, and little to keep. */
export const maxStreams = 64
/** Rows in one event: a few milliseconds of work. */
const maxRows = 100
/** A new stream begins with what is no older than this part of the time between two looks. */
const shareFactor = 4

interface Reader {
  readonly response: ServerResponse
  readonly client: string
  readonly startedAt: number
  cursor: number
  wroteAt: number
  /** It is told more in the next turn of the loop. */
  isNext: boolean
}

/** @param cut ends a connection, and leaves nothing of it in the system's memory. */
export function createFeed(
  board: Board,
  times: FeedTimes = feedTimes,
  cut: (response: ServerResponse) => void = reset,
): Feed {
  const epoch = randomUUID().slice(0, 8)
  const readers = new Set<Reader>()
  let timer: NodeJS.Timeout | undefined
  let closed = false
  // What was written out lately, by the cursor from which it starts: readers who are level share it.
  let written = new Map<number, Event>()
  let writtenAt = performance.now()

  function forget(): void {
    written = new Map()
    writtenAt = performance.now()
  }

  function look(): void {
    forget()
    for (const reader of readers) tell(reader)
    if (readers.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  function tell(reader: Reader): void {
    const { response } = reader
    const now = performance.now()
    if (response.writableEnded || response.destroyed) return
    if (response.writableNeedDrain) {
      if (now - reader.wroteAt > times.patienceMs) cut(response)
      return
    }
    const event = eventFrom(reader.cursor)
    if (!event.isEmpty || now - reader.wroteAt >= times.beatMs) {
      reader.wroteAt = now
      reader.cursor = event.cursor
      response.write(`id: ${epoch}.${event.cursor}\ndata: ${event.data}\n\n`)
    }
    if (event.more) tellNext(reader)
    else if (event.draining || now - reader.startedAt > times.lifeMs) response.end()
    if (event.draining) closed = true
  }

  /** One event a turn, so that others come in between. */
  function tellNext(reader: Reader): void {
    if (reader.isNext) return
    reader.isNext = true
    setImmediate(() => {
      reader.isNext = false
      if (readers.has(reader)) tell(reader)
    })
  }

  function eventFrom(cursor: number): Event {
    const before = written.get(cursor)
    if (before !== undefined) return before
    const changes = board.changes(cursor, maxRows)
    const { more, draining, rows, names } = changes
    const isEmpty = rows.length === 0 && names === undefined && !draining
    const event = { cursor: changes.cursor, more, draining, isEmpty, data: JSON.stringify(changes) }
    written.set(cursor, event)
    return event
  }

  function makeRoom(): void {
    if (readers.size < maxStreams) return
    const [oldest] = largest(Map.groupBy(readers, ({ client }) => client).values())
    if (oldest === undefined) return
    readers.delete(oldest)
    // The browser comes back by itself after an end; who does not read what was written would not notice one.
    if (oldest.response.writableNeedDrain) cut(oldest.response)
    else oldest.response.end()
  }

  return {
    stream(response, lastId, client) {
      makeRoom()
      const [, of, number] = /^(\w{8})\.(\d{1,15})$/.exec(lastId) ?? []
      const cursor = of === epoch ? Number(number) : 0
      const reader = {
        response,
        client,
        startedAt: performance.now(),
        wroteAt: Number.NEGATIVE_INFINITY,
        cursor,
        isNext: false,
      }
      readers.add(reader)
      response.once('close', () => readers.delete(reader))
      response.on('drain', () => tellNext(reader))
      response.write('retry: 500\n\n')
      // Clients that begin streams in a loop must not have all rows written out for each of them.
      if (performance.now() - writtenAt > times.lookMs / shareFactor) forget()
      tell(reader)
      timer ??= setInterval(look, times.lookMs).unref()
    },
    get refuses() {
      return closed
    },
    close() {
      closed = true
      for (const { response } of readers) response.end()
    },
  }
}

function largest(lists: Iterable<readonly Reader[]>): readonly Reader[] {
  let most: readonly Reader[] = []
  for (const list of lists) if (list.length > most.length) most = list
  return most
}

interface Event {
  readonly cursor: number
  readonly more: boolean
  readonly draining: boolean
  readonly isEmpty: boolean
  readonly data: string
}
