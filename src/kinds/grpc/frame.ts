/** Messages inside a stream: a flag for compression, the length in four bytes, and the message. Pure. */
import { failure } from './failures.ts'

const prefixBytes = 5

export function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** The messages of a stream. @throws CheckError if one is compressed, or the last one is cut off. */
export function unframe(stream: Buffer): readonly Uint8Array[] {
  const messages: Uint8Array[] = []
  let at = 0
  while (at < stream.length) {
    const begin = at + prefixBytes
    const end = begin > stream.length ? begin : begin + stream.readUInt32BE(at + 1)
    if (stream[at] !== 0) throw failure('protocol_error', 'the answer is compressed, which nobody asked for')
    if (end > stream.length) throw failure('protocol_error', 'the message of the answer is cut off')
    messages.push(stream.subarray(begin, end))
    at = end
  }
  return messages
}
