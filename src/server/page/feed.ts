/**
 * Changes of the page as server-sent events (HTML Living Standard, section 9.2). A stream ends after some seconds: the
 * browser reconnects with the id of the last event, passes the access rules again, and continues from there. So no
 * stream outlives the permission to read it, and none keeps a server from closing.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Board } from '../../views/board.ts'
import { reset } from '../http/deliveries.ts'

export interface Feed {
  /**
   * Writes changes to a response whose headers are sent, and ends it.
   *
   * @param lastId of the last event that the reader has seen. An id of another process, or none, means from the start.
   * @param client of the stream. If there are too many, the oldest one is ended of the client that has the most.
   */
  stream(response: ServerResponse, lastId: string, client: string): void
  /** The server is about to close: readers poll `/health` instead. */
  readonly refuses: boolean
  /** Ends all streams, and refuses new ones. */
  close(): void
}

export interface FeedTimes {
  /** Between two looks for changes. */
  readonly lookMs: number
  /** After this long without an event, one is sent even if nothing changed: the page takes silence for an outage. */
  readonly beatMs: number
  /** Lifetime of a stream, below `Limits.answerMs`. */
  readonly lifeMs: number
  /** A reader that has not read what was written for this long is cut. */
  readonly patienceMs: number
}

export const feedTimes: FeedTimes = { lookMs: 1_000, beatMs: 1_500, lifeMs: 20_000, patienceMs: 8_000 }

/** Streams at the same time: enough for a control room, and cheap to keep. */
export const maxStreams = 64
/** Rows in one event, which take a few milliseconds. */
const maxRows = 100
/** A new stream starts with changes that are at most this fraction of the time between two looks old. */
const shareFactor = 4

interface Reader {
  readonly response: ServerResponse
  readonly client: string
  readonly startedAt: number
  cursor: number
  wroteAt: number
  /** An event is already planned for the next turn of the event loop. */
  isNext: boolean
}

/** @param cut closes the connection of a response at once, and discards what the kernel still holds for its client. */
export function createFeed(
  board: Board,
  times: FeedTimes = feedTimes,
  cut: (response: ServerResponse) => void = reset,
): Feed {
  const epoch = randomUUID().slice(0, 8)
  const readers = new Set<Reader>()
  let timer: NodeJS.Timeout | undefined
  let closed = false
  // Recent events by the cursor at which they start: readers at the same cursor share them.
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

  /** Sends one event per turn of the event loop, so that other requests are answered in between. */
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
    // A browser reconnects after an end, but a reader that has stopped reading would not notice one.
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
      // Clients that open streams in a loop must not cause all rows to be written out each time.
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
