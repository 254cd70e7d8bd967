/**
 * A configuration as it was read: plain values, each with its place. The tree knows nothing of YAML, so that the
 * environment and a file are validated by the same code.
 */
import { type Place, pathStep, type Report } from './problem.ts'

export type Scalar = string | number | boolean | null

/** One value. */
export interface Leaf {
  readonly type: 'leaf'
  readonly place: Place
  readonly value: Scalar
  /** Written without quotes, so that a reference may stand for a number or a boolean. */
  readonly plain: boolean
  /** Must not be shown: a secret, or a value from the environment or a file. */
  readonly hidden?: boolean
  /** The number or boolean that the text stands for, for a key that does not accept text. */
  readonly reading?: number | boolean | undefined
  /** Could not be read. This has been reported, so nothing else about it is. */
  readonly broken?: boolean
}

interface List {
  readonly type: 'list'
  readonly place: Place
  readonly items: readonly Tree[]
}

export interface Branch {
  readonly type: 'branch'
  readonly place: Place
  readonly entries: ReadonlyMap<string, Entry>
  /** Some of its keys were refused. This has been reported, so a missing key is not. */
  readonly broken?: boolean
}

export type Tree = Leaf | List | Branch

/** A key of a branch and its value. The branch holds it under the option's name, which may differ from the written key. */
export interface Entry {
  /** As written: `passwordFile` for the option `password`; undefined if no key was written, as in the one-line form. */
  readonly written: string | undefined
  readonly place: Place
  readonly value: Tree
}

/** What is at a path of a tree. */
export interface Spot {
  /** Of the key; for an item of a list, of the item. */
  readonly key: Place
  /** Undefined if the path leads beyond what was written. */
  readonly tree: Tree | undefined
  /** The path as it was written. */
  readonly path: string
}

/** Follows a path from an entry whose own path is given. Where it leads to nothing, the key nearest to it is the place. */
export function locate(entry: Entry, path: string, steps: readonly PropertyKey[]): Spot {
  let spot: Spot = { key: entry.place, tree: entry.value, path }
  for (const step of steps) spot = descend(spot, step)
  return spot
}

function descend({ key, tree, path }: Spot, step: PropertyKey): Spot {
  if (tree?.type === 'list') {
    const item = tree.items[Number(step)]
    return { key: item?.place ?? key, tree: item, path: `${path}[${String(step)}]` }
  }
  const entry = tree?.type === 'branch' ? tree.entries.get(String(step)) : undefined
  const written = entry === undefined ? String(step) : entry.written
  return { key: entry?.place ?? key, tree: entry?.value, path: join(path, written) }
}

/** A path and one more key. */
export function join(path: string, key: string | undefined): string {
  if (key === undefined) return path
  return path === '' ? pathStep(key) : `${path}.${pathStep(key)}`
}

/** The bare value of a tree. Its objects have no prototype. */
export function plain(tree: Tree, read: (leaf: Leaf) => Scalar = leaf => leaf.value): unknown {
  if (tree.type === 'leaf') return read(tree)
  if (tree.type === 'list') return tree.items.map(item => plain(item, read))
  const value = Object.create(null) as Record<string, unknown>
  for (const [key, entry] of tree.entries) value[key] = plain(entry.value, read)
  return value
}

/** Every value of a tree. */
export function leaves(tree: Tree): readonly Leaf[] {
  if (tree.type === 'leaf') return [tree]
  if (tree.type === 'list') return tree.items.flatMap(leaves)
  return [...tree.entries.values()].flatMap(entry => leaves(entry.value))
}

/** The tree with every value replaced. */
export function mapLeaves(tree: Tree, change: (leaf: Leaf, path: string) => Leaf, path: string): Tree {
  if (tree.type === 'leaf') return change(tree, path)
  if (tree.type === 'list')
    return { ...tree, items: tree.items.map((item, i) => mapLeaves(item, change, `${path}[${i}]`)) }
  const entries = [...tree.entries].map(([key, entry]): [string, Entry] => [
    key,
    { ...entry, value: mapLeaves(entry.value, change, join(path, entry.written)) },
  ])
  return { ...tree, entries: new Map(entries) }
}

/** The entry under a key of a tree that may be anything. */
export function entryOf(tree: Tree | undefined, key: string): Entry | undefined {
  return tree?.type === 'branch' ? tree.entries.get(key) : undefined
}

/** `own` over `under`: maps are merged key by key, anything else replaces. Every value keeps its place. */
export function mergeUnder(own: Branch, under: Branch): Branch {
  const entries = new Map(under.entries)
  for (const [key, entry] of own.entries) {
    const below = under.entries.get(key)?.value
    const merges = entry.value.type === 'branch' && below?.type === 'branch'
    entries.set(key, merges ? { ...entry, value: mergeUnder(entry.value as Branch, below) } : entry)
  }
  return { ...own, entries }
}

/** Whether anything in a tree could not be read. */
export function hasBroken(tree: Tree): boolean {
  if (tree.type === 'leaf') return tree.broken === true
  if (tree.type === 'list') return tree.items.some(hasBroken)
  return tree.broken === true || [...tree.entries.values()].some(entry => hasBroken(entry.value))
}

export type NamedEntry = readonly [name: string, entry: Entry]

/** A configuration whose dependencies are kept apart, so that thousands of them can be handled one by one. */
export interface Outline {
  /** All of it, with an empty `dependencies`. */
  readonly root: Tree
  /** How many dependencies there are. */
  readonly count: number
  /** Can be iterated once. */
  readonly dependencies: Iterable<NamedEntry>
}

/** Limit of the values in one dependency, and of those in all other sections together. */
const maxValues = 2_000

/** Takes the dependencies out of a tree. One with too many values is reported and left out. */
export function outlineOf(tree: Tree, report: Report): Outline {
  const section = entryOf(tree, 'dependencies')
  if (tree.type !== 'branch' || section?.value.type !== 'branch')
    return { root: tree, count: 0, dependencies: [] }
  const all = [...section.value.entries]
  const dependencies = all.filter(([name, entry]) => isBounded(entry, join('dependencies', name), report))
  const broken = section.value.broken === true || dependencies.length < all.length
  const emptied: Tree = { ...section.value, entries: new Map(), broken }
  const root: Tree = {
    ...tree,
    entries: new Map(tree.entries).set('dependencies', { ...section, value: emptied }),
  }
  if (!isBounded({ ...section, value: root }, '', report))
    return { root: { ...tree, entries: new Map(), broken: true }, count: 0, dependencies: [] }
  return { root, count: dependencies.length, dependencies }
}

function isBounded({ place, value }: Entry, path: string, report: Report): boolean {
  if (valuesIn(value) <= maxValues) return true
  report({ ...place, path, message: `holds more than ${maxValues} values` })
  return false
}

function valuesIn(tree: Tree): number {
  if (tree.type === 'leaf') return 1
  if (tree.type === 'list') return tree.items.reduce((sum, item) => sum + valuesIn(item), 1)
  return [...tree.entries.values()].reduce((sum, { value }) => sum + valuesIn(value), 1)
}
