/** A tree against a schema: the value, or every problem with its place. */
import { z } from 'zod'
import { redactor, Secret, SecretUrl } from '../model/secret.ts'
import { schemasAt } from './keys.ts'
import type { Report } from './problem.ts'
import { describeExpected, describeIssue, isMissing, listWords, unworded } from './problem.ts'
import { type Expected, nearest, suggestBoolean, suggestDuration, suggestQuotes } from './suggest.ts'
import { type Entry, type Leaf, leaves, locate, plain, type Spot, type Tree } from './tree.ts'

type Issue = z.core.$ZodIssue

/** A problem of one key or one value. */
interface Flat {
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** What the problem is with: a key that no schema knows, another key, or a value. */
  readonly about: 'unknown key' | 'key' | 'value'
  /** The values that would be right, if they can be listed. */
  readonly options: readonly string[]
  /** The types that would be right. Empty where the schema has words of its own. */
  readonly expected: Expected
  /** The same for people. */
  readonly expectation: string
  /** The value is of a wrong type, or none of the values that would be right. */
  readonly isMismatch: boolean
}

interface Validation<T> {
  readonly schema: z.ZodType<T>
  readonly entry: Entry
  /** The path of the entry itself. */
  readonly path: string
  readonly report: Report
  /** The message for an unknown key, given the keys that lead to its map. */
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
    const result = schema.safeParse(value, { error: () => unworded, reportInput: true })
    if (result.success) return result.data
    const flats = result.error.issues.flatMap(issue => flatten(issue, []))
    const trees = flats.map(flat => locate(entry, path, flat.path).tree)
    const fresh = trees.filter(tree => rereadable(tree, readings))
    for (const leaf of fresh) readings.add(leaf)
    if (fresh.length > 0) continue
    for (const flat of flats) reportProblem(flat, locate(entry, path, flat.path))
    return undefined
  }

  function reportProblem(flat: Flat, spot: Spot): void {
    const within = spot.tree === undefined ? [] : leaves(spot.tree)
    if (spot.tree?.type === 'leaf' && spot.tree.broken) return
    const message = redactor(within.filter(isHidden).map(asSecret))(flat.message)
    const hint = flat.about === 'unknown key' ? hintForKey(flat.path) : hintForValue(flat, spot)
    report({ ...placeOf(flat, spot), path: spot.path, message, hint })
  }

  function hintForKey(steps: readonly PropertyKey[]): string | undefined {
    return unknownKey(String(steps.at(-1)), steps.slice(0, -1).map(String))
  }

  function hintForValue(flat: Flat, { tree }: Spot): string | undefined {
    if (tree?.type !== 'leaf') return undefined
    if (tree.hidden) return suggestQuotes(flat.expected, tree.value)
    const meant = nearest(String(tree.value), flat.options)
    if (meant !== undefined) return `did you mean ${meant}?`
    if (schemasAt([schema], flat.path.map(String)).some(isDuration)) return suggestDuration(tree.value)
    return suggestQuotes(flat.expected, tree.value) ?? suggestBoolean(flat.expected, tree.value)
  }
}

function rereadable(tree: Tree | undefined, done: ReadonlySet<Leaf>): tree is Leaf {
  return tree?.type === 'leaf' && tree.reading !== undefined && !done.has(tree)
}

/** The issue as problems of single keys and values: unions, records and unknown keys are taken apart. */
function flatten(issue: Issue, parents: readonly PropertyKey[]): readonly Flat[] {
  const path = [...parents, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => ({
      ...toFlat(issue, [...path, key]),
      message: 'unknown key',
      about: 'unknown key',
    }))
  if (issue.code === 'invalid_key')
    return [{ ...toFlat(issue, path), message: describeIssue(issue.issues[0] ?? issue), about: 'key' }]
  if (issue.code !== 'invalid_union' || issue.message !== unworded || isMissing(issue))
    return [toFlat(issue, path)]
  const branches = issue.errors.map(branch => branch.flatMap(inner => flatten(inner, path)))
  return flattenUnion(toFlat(issue, path), branches)
}

function toFlat(issue: Issue, path: readonly PropertyKey[]): Flat {
  const isOwn = issue.message === unworded
  return {
    path,
    message: describeIssue(issue),
    about: 'value',
    options: issue.code === 'invalid_value' ? issue.values.map(String) : [],
    expected: new Set(isOwn && issue.code === 'invalid_type' ? [issue.expected] : []),
    expectation: describeExpected(issue),
    isMismatch: issue.code === 'invalid_type' || issue.code === 'invalid_value',
  }
}

/** The problems of the one alternative that fits but for its inside; if none or several do, what all of them expect. */
function flattenUnion(whole: Flat, branches: readonly (readonly Flat[])[]): readonly Flat[] {
  const { length } = whole.path
  const fitting = branches.filter(
    branch => !branch.some(flat => flat.isMismatch && flat.path.length === length),
  )
  if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0]
  const firsts = branches.flatMap(branch => branch.slice(0, 1))
  const expectations = new Set(firsts.map(({ expectation }) => expectation))
  return [
    {
      ...whole,
      message: `expected ${listWords([...expectations])}`,
      expected: new Set(firsts.flatMap(({ expected }) => [...expected])),
    },
  ]
}

/** Marked by `.meta({ duration: true })`. */
function isDuration(schema: z.core.$ZodType): boolean {
  return z.globalRegistry.get(schema)?.duration === true
}

function placeOf(flat: Flat, { key, tree }: Spot): Spot['key'] {
  const useValue = flat.about === 'value' && tree?.type === 'leaf' && tree.value !== null
  return useValue ? tree.place : key
}

/** A URL with a password or a query may appear where no secret is expected. */
function isHidden({ hidden, value }: Leaf): boolean {
  return hidden === true || (typeof value === 'string' && value.includes('://') && /[@?]/.test(value))
}

function asSecret({ value }: Leaf): Secret {
  const text = String(value)
  return URL.canParse(text) ? new SecretUrl(text) : new Secret(text)
}
