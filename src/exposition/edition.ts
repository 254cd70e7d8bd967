/** The bytes of one format on their way out: in pieces, plain or compressed, and shared by scrapes that come together. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGzip, type Gzip } from 'node:zlib'
import { share } from '../model/turns.ts'
import { type Pages, release } from './column.ts'

/** All bytes of one scrape, as they were at one moment. */
export interface Rendering {
  readonly pages: Pages
  readonly size: number
}

/** What is compressed at a time: well under a millisecond of work. */
const pieceSize = 256 * 1024
const compressedSize = 64 * 1024
/** What is written between two turns of the event loop. */
const turnSize = 64 * 1024
/** A body of more bytes is streamed. */
const streamedSize = 256 * 1024
/** A rendering that slow readers still hold is handed to others for so long, so that few are ever held at once. */
const sharedMs = 1_000

/** One format as it is handed out: renderings and their compression, shared by scrapes that come together. */
export interface Edition {
  /** `shares` is the same for those that hold the same memory. */
  plain(): Promise<{ body: Buffer | Readable; size: number; shares?: object }>
  gzipped(): Promise<Buffer>
}

interface Issue {
  readonly rendering: Rendering
  readonly at: number
  /** Of the rendering's pages. A streamed one keeps its reader for good. */
  readers: number
  streams: number
  released: boolean
}

/**
 * @param take a rendering as of now.
 * @param now monotonic milliseconds.
 */
export function createEdition(take: () => Promise<Rendering>, now: () => number): Edition {
  const print = share(async (): Promise<Issue> => {
    const rendering = await take()
    return { rendering, at: now(), readers: 0, streams: 0, released: false }
  })
  let held: Issue | undefined

  async function current(): Promise<Issue> {
    return held !== undefined && held.streams > 0 && now() - held.at < sharedMs ? held : print()
  }

  function finish(issue: Issue): void {
    issue.readers -= 1
    // Another scrape of the same flight may take it up within this turn.
    setImmediate(() => {
      if (issue.readers > 0 || issue.released) return
      issue.released = true
      release(issue.rendering.pages)
    })
  }

  function openStream(issue: Issue): Readable {
    held = issue
    issue.readers += 1
    issue.streams += 1
    return toStream(issue.rendering).once('close', () => {
      issue.streams -= 1
      if (issue.streams === 0 && held === issue) held = undefined
    })
  }

  return {
    gzipped: share(async () => {
      const issue = await print()
      issue.readers += 1
      return compress(issue.rendering).finally(() => finish(issue))
    }),
    async plain() {
      const issue = await current()
      const { rendering } = issue
      const { size } = rendering
      if (size > streamedSize) return { body: openStream(issue), size, shares: issue }
      issue.readers += 1
      const body = flatten(rendering)
      finish(issue)
      return { body, size }
    },
  }
}

/** A rendering in one buffer. */
function flatten(rendering: Rendering): Buffer {
  const whole = Buffer.allocUnsafeSlow(rendering.size)
  let filled = 0
  for (const chunk of chunks(rendering)) filled += chunk.copy(whole, filled)
  return whole
}

/**
 * A rendering as a stream of its own pages, not of copies: many slow readers of one rendering hold its bytes once. What a
 * stream has given out may stay in a socket's queue, so the rendering must never be released. The event loop turns
 * between two writes, since a socket that takes everything at once would otherwise be fed in one block.
 */
function toStream(rendering: Rendering): Readable {
  const rest = chunks(rendering)
  return new Readable({
    highWaterMark: turnSize,
    read() {
      setImmediate(() => pushSome(this, rest))
    },
  })
}

function pushSome(readable: Readable, rest: Iterator<Buffer>): void {
  for (let pushed = 0; pushed < turnSize; ) {
    const { value, done } = rest.next()
    if (done === true) return void readable.push(null)
    pushed += value.length
    if (!readable.push(value)) return
  }
}

function* chunks({ pages }: Rendering): Generator<Buffer, undefined> {
  for (const [i, { bytes }] of pages.blocks.entries()) {
    const used = pages.used[i] ?? 0
    for (let at = 0; at < used; at += turnSize) yield bytes.subarray(at, Math.min(at + turnSize, used))
  }
}

/**
 * A rendering as one gzip member, compressed on the thread pool through one buffer that is filled again and again:
 * a large scrape makes no large garbage. Level 3 takes about a tenth longer than level 1 for
 * a few per cent fewer bytes; level 6 would take four times as long for an eighth fewer.
 */
async function compress(rendering: Rendering): Promise<Buffer> {
  const compressing = createGzip({ level: 3, chunkSize: compressedSize })
  const [compressed] = await Promise.all([buffer(compressing), feed(compressing, rendering)])
  return compressed
}

async function feed(compressing: Gzip, rendering: Rendering): Promise<void> {
  for (const piece of pieces(rendering))
    await new Promise<void>((resolve, reject) => {
      compressing.write(piece, error => (error ? reject(error) : resolve()))
    })
  compressing.end()
}

/** The bytes of a rendering in pieces, each of which overwrites the one before it. */
function* pieces(rendering: Rendering): Generator<Buffer> {
  const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, rendering.size))
  let filled = 0
  for (const chunk of chunks(rendering))
    for (let copied = 0; copied < chunk.length; ) {
      const taken = chunk.copy(piece, filled, copied)
      copied += taken
      filled += taken
      if (filled < piece.length) continue
      yield piece
      filled = 0
    }
  if (filled > 0) yield piece.subarray(0, filled)
}
