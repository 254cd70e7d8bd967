/** Guesses what was meant, for hints. */
import type { Scalar } from './tree.ts'

/** Words of other tools, and the key that has this meaning here. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['type', 'kind'],
  ['dsn', 'url'],
  ['uri', 'url'],
  ['period', 'interval'],
  ['every', 'interval'],
  ['tags', 'labels'],
  ['targets', 'dependencies'],
  ['checks', 'dependencies'],
])

/**
 * The candidate that was probably meant, if any: the same word in another case or with other separators, the word of
 * another tool for it, or one whose `distance` is at most a third of its length.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const known = [...candidates]
  const bare = normal(word.slice(0, 64))
  const synonym = synonyms.get(bare)
  if (synonym !== undefined && known.includes(synonym)) return synonym
  const ranked = known
    .map(candidate => ({ candidate, edits: distance(bare, normal(candidate)) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, Math.max(bare.length, candidate.length) / 3))
    .sort((a, b) => a.edits - b.edits)
  return bare.length < 2 ? undefined : ranked[0]?.candidate
}

function normal(word: string): string {
  return word.toLowerCase().replace(/[\s_-]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours between two words: optimal string alignment. */
export function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(
        Math.min(at(above, j) + 1, at(row, j - 1) + 1, replaced, swaps ? at(before, j - 2) + 1 : replaced),
      )
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}

/** The types that would be right, by zod's names. */
export type Expected = ReadonlySet<string>

/** Whether quotes are the mistake. Reveals nothing of the value but that it is a number. */
export function suggestQuotes(expected: Expected, value: Scalar): string | undefined {
  const isBare = typeof value === 'number' || typeof value === 'boolean'
  if (expected.has('string') && isBare) return 'put it in quotes'
  const isDigits = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value)
  return isDigits && (expected.has('number') || expected.has('int')) ? 'leave out the quotes' : undefined
}

/** The duration that a number without a unit probably stands for: of seconds, or of milliseconds. Repeats the value. */
export function suggestDuration(value: Scalar): string | undefined {
  if (!/^[1-9]\d{0,5}$/.test(String(value))) return undefined
  const number = Number(value)
  if (number % 1_000 === 0) return `did you mean ${number / 1_000}s?`
  return number < 100 ? `did you mean ${value}s?` : `did you mean ${value}ms or ${value}s?`
}

/** The boolean that a word probably stands for. */
export function suggestBoolean(expected: Expected, value: Scalar): string | undefined {
  const meant = expected.has('boolean') ? words.get(String(value).toLowerCase()) : undefined
  return meant && `did you mean ${meant}?`
}

/** Booleans of YAML 1.1, and quoted ones. */
const words: ReadonlyMap<string, string> = new Map([
  ['yes', 'true'],
  ['on', 'true'],
  ['true', 'true'],
  ['no', 'false'],
  ['off', 'false'],
  ['false', 'false'],
])
