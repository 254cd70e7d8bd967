/**
 * The web config file: loaded at the start, then followed, with the files that it names. Polling works on every file
 * system, and through links.
 */

import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { loadFile } from '../config/file.ts'
import { formatProblem } from '../config/problem.ts'
import type { Logger } from '../model/logger.ts'
import { filesOf, readWebFile, type WebConfig, webFileSchema } from '../server/access/webfile.ts'
import type { Reload } from '../views/service.ts'
import { ConfigError } from './sources.ts'

interface LoadedWeb {
  /** Undefined if there are problems. */
  readonly web?: WebConfig | undefined
  /** One line each, with its place. */
  readonly problems: readonly string[]
  /** The file, and the files that it names as far as it could be read. */
  readonly files: readonly string[]
}

/** Reads the file, and the certificates and keys that it names. Never rejects for their content. */
export async function loadWebConfig(file: string): Promise<LoadedWeb> {
  const files = [file]
  const loaded = await loadFile(file, webFileSchema(dirname(file)), (parsed, reading) => {
    files.push(...filesOf(parsed))
    return readWebFile(parsed, reading)
  })
  return loaded.ok
    ? { web: loaded.value, problems: [], files }
    : { problems: loaded.problems.map(formatProblem), files }
}

/** @throws ConfigError with every problem of the file. */
export async function requireWebConfig(file: string): Promise<LoadedWeb> {
  const loaded = await loadWebConfig(file)
  if (loaded.web === undefined) throw new ConfigError(loaded.problems)
  return loaded
}

interface FollowWebOptions {
  readonly file: string
  /** The one loaded at the start. */
  readonly first: LoadedWeb
  /** Throws if it cannot take effect; then nothing has changed. */
  readonly apply: (web: WebConfig) => void
  readonly logger: Logger
  /** Time between two looks at the files, in milliseconds. Default 5,000. */
  readonly everyMs?: number | undefined
}

export interface FollowedWeb {
  last(): Reload
  look(): Promise<void>
  stop(): void
}

/** A changed file takes effect as a whole, or not at all. The same problems are logged only once. */
export function followWebConfig(options: FollowWebOptions): FollowedWeb {
  const { file, first, logger, everyMs } = options
  let inForce = first.web
  let { files } = first
  let logged = '[]'
  let last: Reload = { successful: true, successAt: Date.now() }

  function apply(loaded: LoadedWeb): void {
    files = loaded.files
    const problems = loaded.web === undefined ? loaded.problems : takeOver(loaded.web)
    last =
      problems.length === 0 ? { successful: true, successAt: Date.now() } : { ...last, successful: false }
    const current = JSON.stringify(problems)
    if (current !== logged) for (const problem of problems) logger.error({ problem }, notReloaded)
    logged = current
  }

  function takeOver(web: WebConfig): readonly string[] {
    if (isDeepStrictEqual(web, inForce)) return []
    try {
      options.apply(web)
    } catch (error) {
      return [`${file}: ${error instanceof Error ? error.message : String(error)}`]
    }
    inForce = web
    logger.info({ users: web.users.size, tls: web.tls !== undefined }, 'web config reloaded')
    return []
  }

  const { look, stop } = createFollower({
    files: () => files,
    load: () => loadWebConfig(file),
    apply,
    everyMs,
  })
  return { last: () => last, look, stop }
}

const notReloaded = 'web config not reloaded, the running one stays in force'

interface FollowOptions<Loaded> {
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

interface Follower {
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
