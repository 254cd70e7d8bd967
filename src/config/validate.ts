/** A tree against a schema: the value, or every problem with its place. */
import type { z } from 'zod'
import { redactor, Secret, SecretUrl } from '../model/secret.ts'
import { nearest } from './nearest.ts'
import type { Report } from './problem.ts'
import { type Entry, type Leaf, leaves, locate, plain, type Spot, type Tree } from './tree.ts'
import { expectation, listed, quotesHint, typeHint, wordIssue } from './wording.ts'

type Issue = z.core.$ZodIssue
type Flat = { readonly path: readonly PropertyKey[]; readonly message: string; readonly about: About }
type About =
  | { readonly at: 'value'; readonly options?: readonly string[] }
  | { readonly at: 'key'; readonly unknown: boolean }

export interface Validation<T> {
  readonly schema: z.ZodType<T>
  readonly entry: Entry
  /** The path of the entry itself. */
  readonly path: string
  readonly report: Report
  /** What to say of an unknown key, given the keys that lead to the map it stands in. */
  readonly unknownKey: (key: string, parents: readonly string[]) => string | undefined
}

/**
 * The parsed value, or undefined after its problems have been reported. A plain scalar that is one whole reference is
 * text first; where the schema takes no text, it is read as the number or boolean that it says.
 */
export function validate<T>({ schema, entry, path, report, unknownKey }: Validation<T>): T | undefined {
  const readings = new Set<Leaf>()
  for (;;) {
    const value = plain(entry.value, leaf => (readings.has(leaf) ? (leaf.reading ?? leaf.value) : leaf.value))
    const result = schema.safeParse(value, { error: wordIssue })
    if (result.success) return result.data
    const flats = result.error.issues.flatMap(issue => flatten(issue, []))
    const trees = flats.map(flat => locate(entry, path, flat.path).tree)
    const fresh = trees.filter(tree => rereadable(tree, readings))
    for (const leaf of fresh) readings.add(leaf)
    if (fresh.length > 0) continue
    for (const flat of flats) tell(flat, locate(entry, path, flat.path))
    return undefined
  }

  function tell(flat: Flat, spot: Spot): void {
    const within = spot.tree === undefined ? [] : leaves(spot.tree)
    if (spot.tree?.type === 'leaf' && spot.tree.broken) return
    const message = redactor(within.filter(isHidden).map(asSecret))(flat.message)
    const hint = flat.about.at === 'key' && flat.about.unknown ? unknown(flat.path) : hintFor(flat, spot)
    report({ ...placeOf(flat, spot), path: spot.path, message, ...(hint !== undefined && { hint }) })
  }

  function unknown(steps: readonly PropertyKey[]): string | undefined {
    return unknownKey(String(steps.at(-1)), steps.slice(0, -1).map(String))
  }
}

function rereadable(tree: Tree | undefined, done: ReadonlySet<Leaf>): tree is Leaf {
  return tree?.type === 'leaf' && tree.reading !== undefined && !done.has(tree)
}

/** The issue as problems of single keys and values: unions, records and unknown keys are taken apart. */
function flatten(issue: Issue, parents: readonly PropertyKey[]): readonly Flat[] {
  const path = [...parents, ...issue.path]
  const value = (message: string): Flat => ({ path, message, about: { at: 'value' } })
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({
      path: [...path, key],
      message: 'unknown key',
      about: { at: 'key', unknown: true },
    }))
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? issue.message
    return [{ path, message, about: { at: 'key', unknown: false } }]
  }
  if (issue.code === 'invalid_value')
    return [{ ...value(issue.message), about: { at: 'value', options: issue.values.map(String) } }]
  if (issue.code !== 'invalid_union' || issue.message !== wordIssue({ ...issue, input: undefined } as never))
    return [value(issue.message)]
  return flattenUnion(
    issue.errors.map(branch => branch.flatMap(inner => flatten(inner, path))),
    path,
  )
}

/** The problems of the alternative that fits but for its inside; if none or several do, what they all expect. */
function flattenUnion(branches: readonly (readonly Flat[])[], path: readonly PropertyKey[]): readonly Flat[] {
  const fitting = branches.filter(
    branch => !branch.some(flat => flat.path.length === path.length && flat.message.startsWith('expected')),
  )
  if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0]
  const expected = new Set(
    branches.flatMap(branch => branch.slice(0, 1).map(({ message }) => expectation(message))),
  )
  return [{ path, message: `expected ${listed([...expected])}`, about: { at: 'value' } }]
}

function placeOf(flat: Flat, { key, tree }: Spot): Spot['key'] {
  const useValue = flat.about.at === 'value' && tree?.type === 'leaf' && tree.value !== null
  return useValue ? tree.place : key
}

function hintFor(flat: Flat, { tree }: Spot): string | undefined {
  if (tree?.type !== 'leaf') return undefined
  if (tree.hidden) return quotesHint(flat.message, tree.value)
  const options = flat.about.at === 'value' ? flat.about.options : undefined
  const meant = options && nearest(String(tree.value), options)
  return meant === undefined
    ? (quotesHint(flat.message, tree.value) ?? typeHint(flat.message, tree.value))
    : `did you mean ${meant}?`
}

/** A URL with a password or a query may stand where no secret is expected. */
function isHidden({ hidden, value }: Leaf): boolean {
  return hidden === true || (typeof value === 'string' && value.includes('://') && /[@?]/.test(value))
}

function asSecret({ value }: Leaf): Secret {
  const text = String(value)
  return URL.canParse(text) ? new SecretUrl(text) : new Secret(text)
}
