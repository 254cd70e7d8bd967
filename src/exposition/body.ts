/** A snapshot on its way out: in pieces, plain or compressed, never all in one block. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGzip, type Gzip } from 'node:zlib'
import { turn } from '../model/turn.ts'
import type { Pages } from './column.ts'

/** All bytes of one scrape, as they were at one moment. */
export interface Snapshot {
  readonly pages: Pages
  readonly size: number
}

/** What is copied, written and compressed at a time: well under a millisecond of work. */
export const pieceSize = 256 * 1024
const compressedSize = 64 * 1024

/**
 * The bytes of a snapshot in buffers of `pieceSize`, the last one shorter. Each is made when it is asked for.
 *
 * @param allocate gives the buffer for a piece; the same one again, if the piece before is done with.
 */
export function* pieces(
  { pages, size }: Snapshot,
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
export function stream(snapshot: Snapshot): Readable {
  return Readable.from(paced(snapshot), { objectMode: false, highWaterMark: pieceSize })
}

async function* paced(snapshot: Snapshot): AsyncGenerator<Buffer> {
  for (const piece of pieces(snapshot)) {
    yield piece
    await turn()
  }
}

/**
 * A snapshot as one gzip member, compressed on the thread pool through one buffer that is filled again and again:
 * a large scrape makes no large garbage. Level 3 takes about a tenth longer than level 1 for
 * a few per cent fewer bytes; level 6 would take four times as long for an eighth fewer.
 */
export async function gzip(snapshot: Snapshot): Promise<Buffer> {
  const compressing = createGzip({ level: 3, chunkSize: compressedSize })
  const [compressed] = await Promise.all([buffer(compressing), feed(compressing, snapshot)])
  return compressed
}

async function feed(compressing: Gzip, snapshot: Snapshot): Promise<void> {
  const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, snapshot.size))
  for (const filled of pieces(snapshot, size => piece.subarray(0, size)))
    await new Promise<void>((resolve, reject) => {
      compressing.write(filled, error => (error ? reject(error) : resolve()))
    })
  compressing.end()
}
