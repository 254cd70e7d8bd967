/** Whether `dist/` is of these sources. What is built bears the fingerprint of what it was built from. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const stampName = '.sources'
const stampFile = join(root, 'dist', stampName)
/** Beside `dist/`, which a build replaces. */
const lock = join(root, 'dist.lock')
/** No build takes so long, in milliseconds. */
const abandonedMs = 300_000
const sources = [
  'src/**/*.*',
  'scripts/{build,contents,fresh,prime}.*',
  'package.json',
  'package-lock.json',
  'tsconfig*.json',
]

/** Of the sources, and of the Node.js that runs this: compiled code is of one V8 alone. */
export function fingerprint(): string {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}`)
  for (const file of globSync(sources, { cwd: root }).sort())
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

export function isFresh(): boolean {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint()
}

/** Says that what is built in a folder is of the sources with this fingerprint, as they were when the build began. */
export function stamp(folder: string, print: string): void {
  writeFileSync(join(folder, stampName), print)
}

/**
 * Builds the program, and says so, unless what is there is of these sources. One process builds; others wait for it.
 *
 * @returns the launcher.
 */
export function freshLauncher(): string {
  while (!isFresh()) {
    if (!isFirst()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    else buildAlone()
  }
  return join(root, 'dist/bin.cjs')
}

function buildAlone(): void {
  process.stderr.write('building dist/, since it is not of these sources\n')
  const build = [join(root, 'scripts/build.ts'), '--program']
  try {
    execFileSync(process.execPath, build, { cwd: root, stdio: ['ignore', 2, 2] })
  } finally {
    rmSync(lock, { recursive: true })
  }
}

/** Whether nobody else builds. Who was killed at it left the lock behind. */
function isFirst(): boolean {
  try {
    mkdirSync(lock, { recursive: false })
    return true
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - since > abandonedMs) rmSync(lock, { recursive: true, force: true })
    return false
  }
}
