/** The bytes of one format on their way out: in pieces, plain or compressed, and shared by scrapes that come together. */
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
/** The longest part of a page that is handed out in one. */
const chunkSize = 64 * 1024
/** A body of more bytes is handed out as pages, not as a copy. */
const copiedSize = 256 * 1024
/** A rendering that slow readers still hold is handed to others for so long, so that few are ever held at once. */
const sharedMs = 1_000

export interface Plain {
  readonly size: number
  /** If it is large, the pages of the rendering, which its readers share. */
  readonly body: Buffer | Iterable<Buffer>
  /** The same object for those that hold the same memory. */
  readonly shares?: object
  /** Call it when the body has been read, or is no longer wanted. Idempotent. */
  readonly release?: () => void
}

/** One format as it is handed out: renderings and their compression, shared by scrapes that come together. */
export interface Edition {
  plain(): Promise<Plain>
  gzipped(): Promise<Buffer>
}

interface Issue {
  readonly rendering: Rendering
  readonly at: number
  /** Of the rendering's pages. One that has been lent keeps its reader for good. */
  readers: number
  holders: number
  released: boolean
}

/**
 * @param take a rendering as of now.
 * @param now monotonic milliseconds.
 */
export function createEdition(take: () => Promise<Rendering>, now: () => number): Edition {
  const print = share(async (): Promise<Issue> => {
    const rendering = await take()
    return { rendering, at: now(), readers: 0, holders: 0, released: false }
  })
  let held: Issue | undefined

  async function current(): Promise<Issue> {
    return held !== undefined && held.holders > 0 && now() - held.at < sharedMs ? held : print()
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

  /** Lends the pages themselves. A socket's queue may hold them for long after, so they are never changed again. */
  function lend(issue: Issue): Plain {
    held = issue
    issue.readers += 1
    issue.holders += 1
    let isHeld = true
    const release = () => {
      if (isHeld) issue.holders -= 1
      isHeld = false
      if (issue.holders === 0 && held === issue) held = undefined
    }
    const { rendering } = issue
    return { size: rendering.size, body: chunks(rendering), shares: issue, release }
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
      if (size > copiedSize) return lend(issue)
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

function* chunks({ pages }: Rendering): Generator<Buffer, undefined> {
  for (const [i, { bytes }] of pages.blocks.entries()) {
    const used = pages.used[i] ?? 0
    for (let at = 0; at < used; at += chunkSize) yield bytes.subarray(at, Math.min(at + chunkSize, used))
  }
}

/**
 * A rendering as one gzip member, compressed on the thread pool through one buffer that is filled again and again: a
 * large scrape makes no large garbage. Level 3 takes about a tenth longer than level 1 for a few per cent fewer bytes;
 * level 6 would take four times as long for an eighth fewer.
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
