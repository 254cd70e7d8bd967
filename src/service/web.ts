/** The web config file: loaded at the start, then followed. */
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { formatProblem, loadFile } from '../config/index.ts'
import type { Logger } from '../model/logger.ts'
import { createFollower, filesOf, readWebFile, type WebConfig, webFileSchema } from '../server/index.ts'
import type { Reload } from '../views/service.ts'

export interface LoadedWeb {
  /** Undefined if there are problems. */
  readonly web?: WebConfig
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

export interface FollowWebOptions {
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
