/** Text that is made in pieces, as the bytes of one body. */
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { constants, createGzip } from 'node:zlib'

/**
 * Asks for a piece a turn of the event loop, so that others come in between, and compresses on the thread pool.
 *
 * @param isWanted looked at before each piece.
 * @returns undefined if it is not wanted any more.
 */
export async function gather(
  pieces: Iterable<string>,
  compressed: boolean,
  isWanted: () => boolean,
): Promise<Buffer | undefined> {
  return compressed ? gatherCompressed(pieces, isWanted) : gatherPlain(pieces, isWanted)
}

async function gatherPlain(pieces: Iterable<string>, isWanted: () => boolean): Promise<Buffer | undefined> {
  const gathered: Buffer[] = []
  for (const piece of pieces) {
    gathered.push(Buffer.from(piece))
    await turn()
    if (!isWanted()) return undefined
  }
  return Buffer.concat(gathered)
}

async function gatherCompressed(
  pieces: Iterable<string>,
  isWanted: () => boolean,
): Promise<Buffer | undefined> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED })
  const gathered = buffer(gzip)
  for (const piece of pieces) {
    if (!gzip.write(piece)) await once(gzip, 'drain')
    await turn()
    if (isWanted()) continue
    gathered.catch(() => {})
    gzip.destroy()
    return undefined
  }
  gzip.end()
  return gathered
}
