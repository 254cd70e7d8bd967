/** Files that are loaded again when they change. Polling works on every file system, and through links. */
import { stat } from 'node:fs/promises'

export interface FollowOptions<Loaded> {
  /** Returns the files to follow. Called for each look. */
  readonly files: () => readonly string[]
  /** Reads them. Never rejects. */
  readonly load: () => Promise<Loaded>
  /** Takes over what was loaded, unless the files changed meanwhile. */
  readonly apply: (loaded: Loaded) => void
  /** Between two looks, in milliseconds. Default: 5 seconds. */
  readonly everyMs?: number | undefined
  /** How long changed files must stay the same before they are loaded, in milliseconds. Default: 500. */
  readonly settleMs?: number
}

export interface Follower {
  /** Looks at once, and resolves when any change is applied. Must not be called while another look is in progress. */
  look(): Promise<void>
  /** Stops following, and drops a load that is in progress. */
  stop(): void
}

/**
 * Follows files until it is stopped. They are loaded only when one was replaced or written, and two looks in a row have
 * found the same: a file that is still being written can be incomplete and yet valid. The first look counts as a change,
 * because the files may have changed since they were loaded before.
 */
export function createFollower<Loaded>(options: FollowOptions<Loaded>): Follower {
  const { files, load, apply, everyMs = 5_000, settleMs = 500 } = options
  let applied: string | undefined
  let changed: string | undefined
  let isStopped = false
  let timer = setTimeout(next, everyMs).unref()

  function next(): void {
    void look().then(() => {
      if (isStopped) return
      timer = setTimeout(next, changed === undefined ? everyMs : settleMs).unref()
    })
  }

  async function look(): Promise<void> {
    const watched = files()
    const seen = await printsOf(watched)
    if (seen === applied) changed = undefined
    else if (seen !== changed) changed = seen
    else await takeOver(watched, seen)
  }

  async function takeOver(watched: readonly string[], seen: string): Promise<void> {
    const loaded = await load()
    const after = await printsOf(watched)
    changed = after
    if (isStopped || after !== seen) return
    apply(loaded)
    // What was loaded may name other files, which are followed from now on.
    if ((await printsOf(files())) !== after) return
    applied = after
    changed = undefined
  }

  return {
    look,
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

async function printsOf(files: readonly string[]): Promise<string> {
  return JSON.stringify(await Promise.all(files.map(async file => [file, await printOf(file)])))
}

/** Returns what changes when a file, or the target of a link, is replaced or written. */
async function printOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}
