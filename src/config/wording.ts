/** What is wrong with a value, in words for people. Nothing here repeats the value. */
import type { z } from 'zod'
import type { Scalar } from './tree.ts'

type RawIssue = z.core.$ZodRawIssue

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

/** Words for an issue whose schema has none of its own. */
export function wordIssue(issue: RawIssue): string {
  if (issue.code === 'invalid_type')
    return issue.input === undefined
      ? 'is missing'
      : `expected ${noun(issue.expected)}, got ${got(issue.input)}`
  if (issue.code === 'too_small') return bound('at least', issue.origin, Number(issue.minimum))
  if (issue.code === 'too_big') return bound('at most', issue.origin, Number(issue.maximum))
  if (issue.code === 'invalid_value') return `expected ${listed(issue.values.map(String))}`
  if (issue.code === 'invalid_format') return `has the wrong form, expected ${formOf(issue)}`
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${String(issue.divisor)}`
  return 'is not valid'
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

function formOf(issue: RawIssue & { code: 'invalid_format' }): string {
  return issue.format === 'regex' ? String(issue.pattern) : issue.format
}

/** `a`, `a or b`, `a, b or c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** What `expected x, got y` expects, to join the alternatives of a union. */
export function expectation(message: string): string {
  return message.replace(/^expected /, '').replace(/, got .*$/, '')
}

/** Whether quotes are what is wrong. Tells nothing of the value but that it is a number. */
export function quotesHint(message: string, value: Scalar): string | undefined {
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  if (message.startsWith('expected text') && scalar) return 'put it in quotes'
  const digits = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value)
  return digits && /^expected a (?:whole )?number/.test(message) ? 'leave out the quotes' : undefined
}

/** What was probably meant by a value of the wrong type. Repeats the value. */
export function typeHint(message: string, value: Scalar): string | undefined {
  const digits = /^[1-9]\d{0,5}$/.test(String(value))
  if (/\bduration\b/.test(message) && digits) return `did you mean ${value}s?`
  if (!message.startsWith('expected true or false')) return undefined
  const meant = words.get(String(value).toLowerCase())
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
