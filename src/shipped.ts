/**
 * The way to the program in a package: a few files, each beside the code that V8 compiled from it at the build, so that
 * a start neither parses nor compiles. V8 refuses compiled code of another version, processor or set of flags. Whoever
 * could plant some could as well change the program beside it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import type * as Cli from './cli.ts'

type Wrapper = (
  exports: object,
  require: (id: string) => unknown,
  module: { exports: object },
  file: string,
  folder: string,
) => void

interface Chunks {
  /** The exports of a file in the folder, which runs once. */
  load(name: string): object
  /** What has run, by the name of its file. */
  readonly scripts: ReadonlyMap<string, Script>
}

const head = '(function (exports, require, module, __filename, __dirname) {'

/** Where the compiled code of files in this folder is, for this V8 and this sort of processor. */
export function compiledFolder(folder: string): string {
  return join(folder, `v8-${process.versions.v8}-${process.arch}`)
}

/** @param folder of files that require each other as `./name`. */
export function createChunks(folder: string): Chunks {
  const scripts = new Map<string, Script>()
  const modules = new Map<string, { exports: object }>()
  const native = createRequire(join(folder, 'any.js'))
  const require = (id: string) => (id.startsWith('./') ? load(id.slice(2)) : native(id))

  function load(name: string): object {
    const known = modules.get(name)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    const file = join(folder, name)
    const run = compile(name, file)
    modules.set(name, module)
    try {
      run(module.exports, require, module, file, dirname(file))
    } catch (error) {
      // For want of a file descriptor, for example. The next call tries again.
      modules.delete(name)
      throw error
    }
    return module.exports
  }

  function compile(name: string, file: string): Wrapper {
    const compiled = join(compiledFolder(folder), `${name}.bin`)
    // The build leaves nothing beyond ASCII, and V8 keeps such a source in one byte for each character.
    const script = new Script(`${head}${readFileSync(file, 'latin1')}\n})`, {
      filename: file,
      columnOffset: -head.length,
      ...(existsSync(compiled) && { cachedData: readFileSync(compiled) }),
    })
    scripts.set(name, script)
    return script.runInThisContext()
  }

  return { load, scripts }
}

/** The program beside the launcher. Without compiled code for this Node.js, Node loads it, and keeps what it compiles. */
export function main(...early: Parameters<typeof Cli.main>): ReturnType<typeof Cli.main> {
  const folder = join(__dirname, 'program')
  const load = existsSync(compiledFolder(folder))
    ? createChunks(folder).load
    : (name: string) => createRequire(join(folder, 'any.js'))(`./${name}`)
  return (load('cli.js') as typeof Cli).main(...early)
}
