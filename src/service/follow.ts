/** Secrets that are rotated while the service runs: looks at their files, and says when to read them again. */
import { type NamedFile, stampOf } from '../config/index.ts'
import type { Logger } from '../model/logger.ts'

export interface FollowOptions {
  /** The files as they are in use. */
  readonly files: () => readonly NamedFile[]
  /** Reads the files again; `files` then says which of them are in use. Rejects if nothing was taken over. */
  readonly reread: () => Promise<void>
  readonly logger: Logger
  /** Between two looks at the files. Default 5,000 milliseconds. */
  readonly everyMs?: number | undefined
  /** A changed file is looked at again after this, and taken if it is still the same. Default 500 milliseconds. */
  readonly settleMs?: number | undefined
}

export interface Following {
  /** How many files have changed and are not in use: missing, empty, or refused. */
  unusable(): number
  start(): void
  stop(): void
}

/** The timer does not keep the process alive. */
export function followFiles(options: FollowOptions): Following {
  const { files, reread, logger, everyMs = 5_000, settleMs = 500 } = options
  /** The stamps of the last look, of those that have changed. */
  let seen = new Map<string, string>()
  /** The stamps that cannot be used, each of which was logged. */
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

  /** A changed file whose content of before is in use still is not usable. */
  function refuse(changed: ReadonlyMap<string, string>, before: readonly NamedFile[]): void {
    const inUse = new Map(files().map(({ file, stamp }) => [file, stamp]))
    const unused = before.filter(({ file, stamp }) => changed.has(file) && inUse.get(file) === stamp)
    const unusable = new Map(unused.map(({ file }) => [file, changed.get(file) ?? '']))
    for (const [file, stamp] of unusable)
      if (refused.get(file) !== stamp)
        logger.warn({ file }, 'the changed secret file is not usable; its last good content stays in use')
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

/** One after the other: a file system that hangs takes no more than one thread of the pool. */
async function changedFiles(files: readonly NamedFile[]): Promise<Map<string, string>> {
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
