import type { Readable } from 'node:stream'
import { share } from '../model/sequence.ts'
import { gzip, pieceSize, pieces, type Snapshot, stream } from './body.ts'
import { release } from './column.ts'

/** A snapshot that slow readers still hold is handed to others for so long, so that few are ever held at once. */
const sharedMs = 1_000

/** One format as it is handed out: snapshots and their compression, shared by scrapes that come together. */
export interface Edition {
  /** `shares` is the same for those that hold the same memory. */
  plain(): Promise<{ body: Buffer | Readable; size: number; shares?: object }>
  gzipped(): Promise<Buffer>
}

interface Issue {
  readonly snapshot: Snapshot
  readonly at: number
  readers: number
  released: boolean
}

/**
 * @param take a snapshot as of now.
 * @param now monotonic milliseconds.
 */
export function createEdition(take: () => Promise<Snapshot>, now: () => number): Edition {
  const print = share(
    async (): Promise<Issue> => ({ snapshot: await take(), at: now(), readers: 0, released: false }),
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
      release(issue.snapshot.pages)
    })
  }

  return {
    gzipped: share(async () => {
      const issue = await print()
      issue.readers += 1
      return gzip(issue.snapshot).finally(() => finish(issue))
    }),
    async plain() {
      const issue = await current()
      const { snapshot } = issue
      issue.readers += 1
      if (snapshot.size > pieceSize) {
        held = issue
        return {
          body: stream(snapshot).once('close', () => finish(issue)),
          size: snapshot.size,
          shares: issue,
        }
      }
      const body = Buffer.concat([...pieces(snapshot)])
      finish(issue)
      return { body, size: snapshot.size }
    },
  }
}
