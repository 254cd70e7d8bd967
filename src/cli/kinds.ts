/** The kinds that a config may name: our own, and those of the modules that `--kinds` names. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { kinds } from '../kinds/index.ts'
import type { Kind } from '../model/kind.ts'
import type { GlobalFlags } from './flags.ts'
import { Exit, exitCodes } from './output.ts'

/** @throws Exit 2 if a module cannot be loaded, exports no kind, or one of a name that is taken. */
export async function loadKinds({ kinds: files = [] }: Pick<GlobalFlags, 'kinds'>): Promise<readonly Kind[]> {
  const known = [...kinds]
  for (const file of files) {
    const found = kindsOf(await load(file))
    if (found.length === 0) throw refuse(file, 'exports no kind; export what defineKind returns')
    for (const kind of found) {
      const taken = known.find(({ name }) => name === kind.name)
      if (taken !== undefined && taken !== kind) throw refuse(file, `there is a kind ${kind.name} already`)
      if (taken === undefined) known.push(kind)
    }
  }
  return known
}

async function load(file: string): Promise<object> {
  try {
    return await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    throw refuse(file, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Everything that a module exports and that has the form of a kind, whichever copy of Pulsecheck declared it. */
function kindsOf(module: object): readonly Kind[] {
  return Object.values(module).filter(isKind)
}

function isKind(value: unknown): value is Kind {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const { name, target, open } = value as Readonly<Record<string, unknown>>
  return (
    typeof name === 'string' &&
    /^[a-z][a-z0-9_]*$/.test(name) &&
    typeof target === 'function' &&
    typeof open === 'function'
  )
}

function refuse(file: string, why: string): Exit {
  return new Exit(exitCodes.usage, [`error: --kinds ${JSON.stringify(file)}: ${why}`])
}
