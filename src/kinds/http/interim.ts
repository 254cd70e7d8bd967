/** Keeps undici from taking a `100 Continue` for a broken answer. */
import type { Socket } from 'node:net'

const [cr, lf, zero, one, two] = [0x0d, 0x0a, 0x30, 0x31, 0x32]
/** Where the status begins in `HTTP/1.1 100 Continue`: RFC 9112, section 4. */
const statusColumn = 9

/**
 * Lets a server send `100 Continue` to a request that does not expect it, which a client must ignore (RFC 9110,
 * section 15.2). undici 7 ends the connection at one, but passes over every other interim answer, so a 100 becomes a
 * 102 before undici reads it. Nothing else is touched, and nothing is looked at once the final answer has begun.
 *
 * Call it before undici has the socket. A `data` listener sees each chunk before `read()` returns it; pausing keeps
 * the listener from making the data flow.
 */
export function tolerateContinue(socket: Socket): void {
  const rewrite = createRewriter()
  const listen = (chunk: Buffer) => {
    if (rewrite(chunk)) socket.off('data', listen)
  }
  socket.pause().on('data', listen)
}

/** Rewrites interim answers in place, chunk by chunk; true once the final answer has begun. */
function createRewriter(): (chunk: Buffer) => boolean {
  let inStatusLine = true
  let column = 0
  let zeros = 0
  return chunk => {
    for (const [at, byte] of chunk.entries()) {
      if (inStatusLine && column === statusColumn && byte !== one) return true
      if (inStatusLine && column > statusColumn && byte === zero) zeros++
      if (inStatusLine && column === statusColumn + 2 && zeros === 2) chunk[at] = two
      if (byte === lf) {
        inStatusLine = column === 0
        column = zeros = 0
      } else if (byte !== cr) column++
    }
    return false
  }
}
