/** Files that are taken over when they change, by looking at them: that works on every file system and through links. */
import { stat } from 'node:fs/promises'

export interface FollowOptions<Loaded> {
  /** What to look at; asked again at each look. */
  readonly files: () => readonly string[]
  /** Reads them. Never rejects. */
  readonly load: () => Promise<Loaded>
  /** Takes over what was loaded, if the files stood still meanwhile. */
  readonly apply: (loaded: Loaded) => void
  /** Between two looks, in milliseconds. Default: 5 seconds. */
  readonly everyMs?: number | undefined
  /** How long changed files must have stood still, in milliseconds. Default: 500. */
  readonly settleMs?: number
}

export interface Follower {
  /** Looks at once. Resolves when all that follows from it is done. Not to be called while a look is under way. */
  look(): Promise<void>
  /** Ends it, whatever is under way. */
  stop(): void
}

/**
 * Looks until it is stopped. Content is read only when a file was replaced or written, and then at the earliest at the
 * second look that finds it so: a file that is being written can be cut off and valid. The first change is found at
 * once, since nobody knows what happened between the load before and the first look.
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
    // What was loaded may name other files, which are looked at from now on.
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

/** What changes when a file, or one that a link leads to, is replaced or written. */
async function printOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}
