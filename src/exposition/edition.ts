/** The bytes of one format on their way out: in pieces, plain or compressed, and shared by scrapes that come together. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGzip, type Gzip } from 'node:zlib'
import { share } from '../model/sequence.ts'
import { turn } from '../model/turn.ts'
import { type Pages, release } from './column.ts'

/** All bytes of one scrape, as they were at one moment. */
export interface Rendering {
  readonly pages: Pages
  readonly size: number
}

/** What is copied, written and compressed at a time: well under a millisecond of work. */
const pieceSize = 256 * 1024
const compressedSize = 64 * 1024
/** A snapshot that slow readers still hold is handed to others for so long, so that few are ever held at once. */
const sharedMs = 1_000

/** One format as it is handed out: snapshots and their compression, shared by scrapes that come together. */
export interface Edition {
  /** `shares` is the same for those that hold the same memory. */
  plain(): Promise<{ body: Buffer | Readable; size: number; shares?: object }>
  gzipped(): Promise<Buffer>
}

interface Issue {
  readonly rendering: Rendering
  readonly at: number
  readers: number
  released: boolean
}

/**
 * @param take a snapshot as of now.
 * @param now monotonic milliseconds.
 */
export function createEdition(take: () => Promise<Rendering>, now: () => number): Edition {
  const print = share(
    async (): Promise<Issue> => ({ rendering: await take(), at: now(), readers: 0, released: false }),
  )
  let held: Issue | undefined

  async function current(): Promise<Issue> {
    return held !== undefined && now() - held.at < sharedMs ? held : print()
  }

  function finish(issue: Issue): void {
    issue.readers -= 1
    if (issue.readers > 0) return
    if (held === issue) held = undefined
    // Another scrape of the same flight may take it up within this turn.
    setImmediate(() => {
      if (issue.readers > 0 || issue.released) return
      issue.released = true
      release(issue.rendering.pages)
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
      issue.readers += 1
      if (rendering.size > pieceSize) {
        held = issue
        return {
          body: toStream(rendering).once('close', () => finish(issue)),
          size: rendering.size,
          shares: issue,
        }
      }
      const body = Buffer.concat([...cut(rendering)])
      finish(issue)
      return { body, size: rendering.size }
    },
  }
}

/**
 * The bytes of a snapshot in buffers of `pieceSize`, the last one shorter. Each is made when it is asked for.
 *
 * @param allocate gives the buffer for a piece; the same one again, if the piece before is done with.
 */
function* cut(
  { pages, size }: Rendering,
  allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow,
): Generator<Buffer> {
  let rest = size
  let piece = allocate(Math.min(pieceSize, rest))
  let filled = 0
  for (const [i, { bytes }] of pages.blocks.entries()) {
    const used = pages.used[i] ?? 0
    for (let copied = 0; copied < used; ) {
      const taken = bytes.copy(piece, filled, copied, used)
      copied += taken
      filled += taken
      if (filled < piece.length) continue
      yield piece
      rest -= filled
      piece = allocate(Math.min(pieceSize, rest))
      filled = 0
    }
  }
}

/**
 * A snapshot as a stream that makes its pieces only as fast as they are read, and lets the event loop turn between
 * two: a socket that takes everything at once would else be fed in one block.
 */
function toStream(rendering: Rendering): Readable {
  return Readable.from(cutPaced(rendering), { objectMode: false, highWaterMark: pieceSize })
}

async function* cutPaced(rendering: Rendering): AsyncGenerator<Buffer> {
  for (const piece of cut(rendering)) {
    yield piece
    await turn()
  }
}

/**
 * A snapshot as one gzip member, compressed on the thread pool through one buffer that is filled again and again:
 * a large scrape makes no large garbage. Level 3 takes about a tenth longer than level 1 for
 * a few per cent fewer bytes; level 6 would take four times as long for an eighth fewer.
 */
async function compress(rendering: Rendering): Promise<Buffer> {
  const compressing = createGzip({ level: 3, chunkSize: compressedSize })
  const [compressed] = await Promise.all([buffer(compressing), feed(compressing, rendering)])
  return compressed
}

async function feed(compressing: Gzip, rendering: Rendering): Promise<void> {
  const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, rendering.size))
  for (const filled of cut(rendering, size => piece.subarray(0, size)))
    await new Promise<void>((resolve, reject) => {
      compressing.write(filled, error => (error ? reject(error) : resolve()))
    })
  compressing.end()
}
