/** Receives a response body: decodes it, and enforces a size limit. */
import type { IncomingHttpHeaders } from 'node:http'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { CheckError } from '../../model/dependency.ts'
import { tooLarge } from '../shared/socket.ts'

/** Receives a body in chunks. It needs no backpressure, because the size of the body is limited. */
export interface Sink {
  write(chunk: Buffer): void
  /** The body is complete. */
  end(): void
  /** Releases everything. */
  destroy(): void
}

/** Receives the whole body, or why it failed. Only the first call counts. */
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
 * Creates a sink for the body that these headers announce. The limit applies both to the bytes received and to the
 * decoded bytes, so a small body that decodes to a large one takes no more memory than any other.
 *
 * @throws CheckError if the announced length exceeds the limit, or if the encoding is not supported. Combinations of
 * encodings are not supported.
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

/**
 * Copies into one buffer. A list of chunks would take about a hundred bytes for each byte of a server that sends single
 * bytes.
 */
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

/** Returns the same bytes in a buffer with room for `size`. If it has to grow, it at least doubles. */
function withRoom(held: Buffer<ArrayBuffer>, size: number, maxBytes: number): Buffer<ArrayBuffer> {
  if (size <= held.length) return held
  const roomier = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(size, 2 * held.length)))
  held.copy(roomier)
  return roomier
}

/** An empty body, as after 204, is not encoded, whatever the headers say. */
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

/** Returns a function that tells whether a chunk still fits the limit. The first one that does not is a failure. */
function counter(maxBytes: number, failed: Outcome['failed']): (chunk: Buffer) => boolean {
  let size = 0
  return chunk => {
    size += chunk.length
    if (size > maxBytes) failed(tooLarge(maxBytes))
    return size <= maxBytes
  }
}
