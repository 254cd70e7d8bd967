/** A configuration with its dependencies apart, so that thousands of them are handled one after the other. */
import type { Report } from './problem.ts'
import { type Entry, entryOf, join, type Tree } from './tree.ts'

export type NamedEntry = readonly [name: string, entry: Entry]

export interface Outline {
  /** All of it, but with nothing under `dependencies`. */
  readonly root: Tree
  /** How many dependencies there are. */
  readonly count: number
  /** Read once, from first to last. */
  readonly dependencies: Iterable<NamedEntry>
}

/** Values in one dependency, and in everything else together: far beyond any use, and quick to handle. */
export const maxValues = 2_000

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
