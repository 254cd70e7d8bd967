/** What is wrong with a value, in words for people. Nothing here repeats the value. */
import type { z } from 'zod'
import type { Scalar } from './tree.ts'

type Issue = z.core.$ZodIssue

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  nan: 'a number',
}

/** What a schema without words of its own says of an issue: `describeIssue` has them. */
export const unworded = ''

/** What is wrong: in the words of the schema, or in ours. */
export function describeIssue(issue: Issue): string {
  if (issue.message !== unworded) return issue.message
  if (isMissing(issue)) return 'is missing'
  if (issue.code === 'invalid_type') return `expected ${noun(issue.expected)}, got ${got(issue.input)}`
  if (issue.code === 'too_small') return bound('at least', issue.origin, Number(issue.minimum))
  if (issue.code === 'too_big') return bound('at most', issue.origin, Number(issue.maximum))
  if (issue.code === 'invalid_value') return `expected ${describeExpected(issue)}`
  if (issue.code === 'invalid_format') return `has the wrong form, expected ${describeExpected(issue)}`
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${String(issue.divisor)}`
  return 'is not valid'
}

/** What would be right, to join the alternatives of a union. */
export function describeExpected(issue: Issue): string {
  if (issue.message !== unworded) return issue.message.replace(/^expected /, '')
  if (issue.code === 'invalid_type') return noun(issue.expected)
  if (issue.code === 'invalid_value') return listWords(issue.values.map(String))
  if (issue.code === 'invalid_format') return issue.format === 'regex' ? String(issue.pattern) : issue.format
  return describeIssue(issue)
}

export function isMissing(issue: Issue): boolean {
  return issue.input === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union')
}

function noun(expected: string): string {
  return nouns[expected] ?? expected
}

function got(input: unknown): string {
  if (input === null) return 'nothing'
  if (Array.isArray(input)) return 'a list'
  if (typeof input === 'boolean') return 'a boolean'
  if (typeof input === 'number') return Number.isInteger(input) ? 'a whole number' : numberNoun(input)
  return noun(typeof input)
}

function numberNoun(input: number): string {
  return Number.isFinite(input) ? 'a number' : String(input)
}

function bound(side: string, origin: string, limit: number): string {
  if (origin === 'number' || origin === 'int') return `must be ${side} ${limit}`
  if (side === 'at least' && limit === 1) return 'must not be empty'
  return `must have ${side} ${limit} ${origin === 'string' ? 'characters' : 'items'}`
}

/** `a`, `a or b`, `a, b or c`. */
export function listWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** Types that a value should have had, as zod names them. */
export type Expected = ReadonlySet<string>

/** Whether quotes are what is wrong. Tells nothing of the value but that it is a number. */
export function suggestQuotes(expected: Expected, value: Scalar): string | undefined {
  const isBare = typeof value === 'number' || typeof value === 'boolean'
  if (expected.has('string') && isBare) return 'put it in quotes'
  const isDigits = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value)
  return isDigits && (expected.has('number') || expected.has('int')) ? 'leave out the quotes' : undefined
}

/** The duration that was probably meant by a number without a unit. Repeats the value. */
export function suggestDuration(value: Scalar): string | undefined {
  return /^[1-9]\d{0,5}$/.test(String(value)) ? `did you mean ${value}s?` : undefined
}

/** The boolean that was probably meant by a word. */
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
