/** A response body on its way in: decoded, and cut off at a cap. */
import type { IncomingHttpHeaders } from 'node:http'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { CheckError } from '../../model/dependency.ts'
import { tooLarge } from '../shared/socket.ts'

/** Takes a body in pieces. It is never full: what it holds is bounded by the cap. */
export interface Sink {
  write(chunk: Buffer): void
  /** The body came to its end. */
  end(): void
  /** Lets go of everything. */
  destroy(): void
}

/** What becomes of a body: it is whole, or it failed. The first call counts. */
interface Outcome {
  whole(body: Buffer): void
  failed(error: Error): void
}

const decoders = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/**
 * A sink for the body that these headers announce. The cap counts bytes as they arrive and decoded ones alike, so that
 * a small body that decodes into a large one costs no more memory than any other.
 *
 * @throws CheckError if the body is announced larger than the cap, or in a coding that is not known. Several
 * codings on top of each other are not known.
 */
export function createSink(headers: IncomingHttpHeaders, maxBytes: number, outcome: Outcome): Sink {
  if (Number(headers['content-length']) > maxBytes) throw tooLarge(maxBytes)
  const coding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  const collected = collect(maxBytes, outcome)
  if (coding === 'identity' || coding === '') return collected
  if (isDecodable(coding)) return decode(coding, maxBytes, collected, outcome)
  throw new CheckError(
    'protocol_error',
    'protocol_error',
    'the content encoding of the body is not supported',
  )
}

function isDecodable(coding: string): coding is keyof typeof decoders {
  return Object.hasOwn(decoders, coding)
}

/** Copies: a list of pieces would cost a server that sends single bytes nothing, and us a hundred bytes for each. */
function collect(maxBytes: number, { whole, failed }: Outcome): Sink {
  const fits = counter(maxBytes, failed)
  let held = Buffer.allocUnsafe(Math.min(maxBytes, 4_096))
  let size = 0
  return {
    write(chunk) {
      if (!fits(chunk)) return
      held = withRoom(held, size + chunk.length, maxBytes)
      size += chunk.copy(held, size)
    },
    end: () => whole(held.subarray(0, size)),
    destroy() {},
  }
}

/** The same bytes with room for `size` of them; at least twice the room if it grows. */
function withRoom(held: Buffer<ArrayBuffer>, size: number, maxBytes: number): Buffer<ArrayBuffer> {
  if (size <= held.length) return held
  const roomier = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(size, 2 * held.length)))
  held.copy(roomier)
  return roomier
}

/** A body without a byte, as after 204, is in no coding at all. */
function decode(coding: keyof typeof decoders, maxBytes: number, next: Sink, { failed }: Outcome): Sink {
  const decoder = decoders[coding]()
  decoder.on('data', next.write)
  decoder.on('end', next.end)
  decoder.on('error', cause =>
    failed(new CheckError('protocol_error', 'protocol_error', `the body is not valid ${coding}`, { cause })),
  )
  const fits = counter(maxBytes, failed)
  let begun = false
  return {
    write(chunk) {
      begun = true
      if (fits(chunk)) decoder.write(chunk)
    },
    end: () => (begun ? decoder.end() : next.end()),
    destroy: () => decoder.destroy(),
  }
}

/** Whether a chunk still fits, with all chunks before it. The first that does not is a failure. */
function counter(maxBytes: number, failed: Outcome['failed']): (chunk: Buffer) => boolean {
  let size = 0
  return chunk => {
    size += chunk.length
    if (size > maxBytes) failed(tooLarge(maxBytes))
    return size <= maxBytes
  }
}
