#!/usr/bin/env node
/**
 * The launcher, and the one CommonJS file: its first line runs before any module is loaded, which takes some hundred
 * milliseconds. A signal must mean something from then on, to a container's first process too, which has no defaults.
 */
if (!('withResolvers' in Promise)) {
  process.stderr.write(`pulsecheck needs Node.js 22 or later; this is ${process.version}\n`)
  process.exit(1)
}
const fs = process.getBuiltinModule('node:fs')
const { dirname, isAbsolute, join } = process.getBuiltinModule('node:path')

let hungUp = false
process.on('SIGINT', signal => end(signal, 130))
process.on('SIGTERM', signal => end(signal, 143))
process.on('SIGHUP', () => {
  hungUp = true
})
// It makes drivers print what they send, including passwords.
delete process.env.DEBUG
enableCache()
void import('./cli.ts').then(({ main }) => main({ hungUp: () => hungUp }))

/** By the signal's default, which waits for nothing, or by an exit where there is no default: as a container's first process. */
function end(signal: NodeJS.Signals, code: number): never {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  process.exit(code)
}

/**
 * Compiled code is kept between starts, which halves the time that one takes. Node runs what it finds there: so it is
 * kept where our own user alone can write, or not at all. `NODE_COMPILE_CACHE`, which Node reads itself, is the operator's choice.
 */
function enableCache(): void {
  const { XDG_CACHE_HOME: cacheHome = '', HOME: home = '', NODE_COMPILE_CACHE: chosen } = process.env
  const base = isAbsolute(cacheHome) ? cacheHome : isAbsolute(home) ? join(home, '.cache') : undefined
  if (base === undefined || chosen !== undefined) return
  try {
    const directory = join(base, 'pulsecheck')
    // One by one: a missing home is not created, and below /proc `recursive` never returns.
    for (const each of [base, directory]) makeDirectory(each)
    if (isOurs(directory)) process.getBuiltinModule('node:module').enableCompileCache(directory)
  } catch {
    // The file system is read-only, or the home is missing: each start compiles again.
  }
}

function makeDirectory(path: string): void {
  if (!fs.existsSync(path)) fs.mkdirSync(path, { mode: 0o700 })
}

/** Whether nobody but our user and root can write to the directory, or replace it. */
function isOurs(directory: string): boolean {
  const stat = fs.lstatSync(directory)
  if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o022) !== 0) return false
  return parentsOf(fs.realpathSync(directory)).every(parent => isSafeParent(fs.lstatSync(parent)))
}

function parentsOf(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parentsOf(parent)]
}

/** In a directory with the sticky bit, such as /tmp, nobody can replace what is ours. */
function isSafeParent({ uid, mode }: import('node:fs').Stats): boolean {
  const isTrusted = uid === 0 || uid === process.geteuid?.()
  return isTrusted && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0)
}
