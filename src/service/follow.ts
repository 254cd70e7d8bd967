/** Files that are read again when they change: the config file, and the secrets that its `...File` keys name. */

import { stampOf } from '../config/text.ts'
import type { Stamped } from '../config/twins.ts'

export interface FollowOptions {
  /** The files as they are in use. */
  readonly files: () => readonly Stamped[]
  /** Reads the files again; then `files` returns what is in use. Rejects if none of it can be used. */
  readonly reread: () => Promise<unknown>
  /** Called once for each changed file that cannot be used. */
  readonly refused: (file: string) => void
  /** Time between two looks at the files, in milliseconds. Default 5,000. */
  readonly everyMs?: number | undefined
  /** A changed file is read once it has stayed the same for this long, in milliseconds. Default 500. */
  readonly settleMs?: number | undefined
}

export interface Following {
  /** How many files have changed and cannot be used: missing, empty or refused. */
  unusable(): number
  start(): void
  stop(): void
}

/** The timer does not keep the process alive. */
export function followFiles(options: FollowOptions): Following {
  const { files, reread, refused: tell, everyMs = 5_000, settleMs = 500 } = options
  /** Stamps of the changed files at the last look. */
  let seen = new Map<string, string>()
  /** Stamps of files that cannot be used; each has been logged. */
  let refused = new Map<string, string>()
  let isStopped = false
  let timer: NodeJS.Timeout | undefined

  async function look(): Promise<void> {
    const before = files()
    const changed = await changedFiles(before)
    const fresh = [...changed].filter(([file, stamp]) => refused.get(file) !== stamp)
    const hasSettled = fresh.every(([file, stamp]) => seen.get(file) === stamp)
    seen = changed
    if (hasSettled && !isStopped) {
      if (fresh.some(([, stamp]) => isReadable(stamp))) await reread().catch(() => {})
      refuse(changed, before)
    }
    lookAfter(hasSettled ? everyMs : Math.min(settleMs, everyMs))
  }

  function lookAfter(ms: number): void {
    if (!isStopped) timer = setTimeout(look, ms).unref()
  }

  /** A file has been refused if it has changed and its old content is still in use. */
  function refuse(changed: ReadonlyMap<string, string>, before: readonly Stamped[]): void {
    const inUse = new Map(files().map(({ file, stamp }) => [file, stamp]))
    const unused = before.filter(({ file, stamp }) => changed.has(file) && inUse.get(file) === stamp)
    const unusable = new Map(unused.map(({ file }) => [file, changed.get(file) ?? '']))
    for (const [file, stamp] of unusable) if (refused.get(file) !== stamp) tell(file)
    refused = unusable
  }

  return {
    unusable: () => refused.size,
    start: () => lookAfter(everyMs),
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/** One at a time: a hung file system then blocks only one thread of the pool. */
async function changedFiles(files: readonly Stamped[]): Promise<Map<string, string>> {
  const changed = new Map<string, string>()
  for (const { file, stamp } of files) {
    const now = await stampOf(file)
    if (now !== stamp) changed.set(file, now)
  }
  return changed
}

/** Neither missing nor empty. */
function isReadable(stamp: string): boolean {
  return /^\d+:[1-9]/.test(stamp)
}
