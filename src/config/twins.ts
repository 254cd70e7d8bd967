/**
 * The `...File` twins: for every key that a kind marks with `.meta({ file: true })`, `<key>File` names a file with its
 * text, such as a mounted secret. Kinds do not know of them.
 */
import { resolve } from 'node:path'
import { Secret } from '../model/secret.ts'
import { alternatives, hasFileTwin, itemsOf, valuesOf } from './keys.ts'
import type { Report } from './problem.ts'
import { type FileText, maxSecretBytes, readFileText, stampOf } from './text.ts'
import { type Branch, type Entry, join, type Leaf, type Tree } from './tree.ts'

export interface FileReading {
  /** The base of relative paths: the directory of the config file. */
  readonly directory: string
  readonly report: Report
  readonly files: NamedFiles
}

/** A file as it was when it was read. */
export interface Stamped {
  readonly file: string
  /** The result of `stampOf` just before the reading. */
  readonly stamp: string
}

/** A file that a `...File` key names, by its absolute path. */
export interface NamedFile extends Stamped {
  readonly content: Secret
}

/** The files that a configuration names. Each is read once, so that all keys that name it get the same content. */
export interface NamedFiles {
  /** @param file absolute. */
  read(file: string): Promise<FileText>
  /** The files that could be read. */
  list(): Promise<readonly NamedFile[]>
  /** All of them, whether they could be read or not. */
  stamps(): Promise<readonly Stamped[]>
}

/** @param lastGood used in place of files that are now empty or cannot be read. */
export function createNamedFiles(lastGood: readonly NamedFile[] = []): NamedFiles {
  const good = new Map(lastGood.map(named => [named.file, named]))
  const known = new Map<string, Promise<{ readonly stamp: string; readonly source: FileText }>>()
  const look = async (file: string) => {
    const stamp = await stampOf(file)
    const source = await readFileText(file, maxSecretBytes)
    const before = good.get(file)
    if (source.ok || before === undefined) return { stamp, source }
    return { stamp: before.stamp, source: { ok: true, text: before.content.reveal() } as const }
  }
  return {
    async read(file) {
      const reading = known.get(file) ?? look(file)
      known.set(file, reading)
      return (await reading).source
    },
    async list() {
      const all = [...known].map(async ([file, reading]) => ({ file, ...(await reading) }))
      return (await Promise.all(all)).flatMap(({ file, stamp, source }) =>
        source.ok ? [{ file, stamp, content: new Secret(source.text) }] : [],
      )
    },
    async stamps() {
      const all = [...known].map(async ([file, reading]) => ({ file, stamp: (await reading).stamp }))
      return await Promise.all(all)
    },
  }
}

type Schemas = Parameters<typeof itemsOf>[0]

/** Replaces every twin in the tree by the key that it stands for, and hides the values of these keys. */
export async function readTwins(
  tree: Tree,
  schemas: Schemas,
  path: string,
  reading: FileReading,
): Promise<Tree> {
  const within = schemas.flatMap(alternatives)
  if (tree.type === 'leaf') return schemas.some(hasFileTwin) ? { ...tree, hidden: true } : tree
  if (tree.type === 'branch') return await readBranch(tree, within, path, reading)
  const items = tree.items.map((item, i) => readTwins(item, itemsOf(within), `${path}[${i}]`, reading))
  return { ...tree, items: await Promise.all(items) }
}

async function readBranch(
  branch: Branch,
  within: Schemas,
  path: string,
  reading: FileReading,
): Promise<Branch> {
  const entries = new Map<string, Entry>()
  for (const [key, entry] of branch.entries) {
    const known = valuesOf(within, key)
    const option = key.slice(0, -'File'.length)
    const isTwin = key.endsWith('File') && known.length === 0 && valuesOf(within, option).some(hasFileTwin)
    const place = join(path, key)
    if (isTwin && branch.entries.has(option)) {
      const message = `${option} and ${key} are both set`
      reading.report({ ...entry.place, path: place, message, hint: 'keep one of them' })
    } else if (isTwin) entries.set(option, { ...entry, value: await readTwin(entry, place, reading) })
    else entries.set(key, { ...entry, value: await readTwins(entry.value, known, place, reading) })
  }
  return { ...branch, entries }
}

async function readTwin(entry: Entry, path: string, reading: FileReading): Promise<Leaf> {
  const { value } = entry
  const broken: Leaf = { type: 'leaf', place: value.place, value: '', plain: false, broken: true }
  if (value.type === 'leaf' && value.broken) return broken
  if (value.type !== 'leaf' || typeof value.value !== 'string' || value.value === '') {
    reading.report({ ...entry.place, path, message: 'expected the path of a file' })
    return broken
  }
  const source = await reading.files.read(resolve(reading.directory, value.value))
  const text = source.ok ? source.text.replace(/\r?\n$/, '') : ''
  if (source.ok && text !== '') return { ...broken, value: text, hidden: true, broken: false }
  const message = source.ok ? 'is empty' : source.problem.message
  reading.report({ ...value.place, path, message: `the file ${message}` })
  return broken
}
