/** What is wrong with a configuration, where, and in which words. */
import type { z } from 'zod'

/** A place in a configuration: of a file, or of an environment variable, which counts as a file of one line. */
export interface Place {
  /** The file as given, or the name of an environment variable. */
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1, in UTF-16 code units. */
  readonly column: number
}

/** What is wrong, and what to do about it. */
export interface Words {
  readonly message: string
  readonly hint?: string | undefined
}

/** One mistake in a configuration. No part of it holds a secret or a value from the environment. */
export interface Problem extends Place, Words {
  /** The keys that lead there, as they were written: `dependencies.orders-db.interval`. Empty for the whole file. */
  readonly path: string
}

/** Takes a problem; reading goes on, so that all problems are found at once. */
export type Report = (problem: Problem) => void

/** The problem in one line: `pulsecheck.yml:12:5: dependencies.orders-db.interal: unknown key; did you mean interval?` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, hint } = problem
  const what = hint === undefined ? message : `${message}; ${hint}`
  return [`${file}:${line}:${column}`, path, what].filter(part => part !== '').join(': ')
}

/** A broken file can have hundreds of thousands. */
const maxProblems = 100

/** Collects problems without repetitions: a wrong shared default is reported once, not for every dependency. */
export interface Problems {
  readonly report: Report
  /** Whether further problems are dropped, so that there is no point in reading on. */
  isFull(): boolean
  /** In the order of their places. If any were dropped, the last one says so. */
  list(): readonly Problem[]
}

export function createProblems(): Problems {
  const distinct = new Map<string, Problem>()
  let dropped: Problem | undefined
  return {
    report(problem) {
      const { file, line, column, message } = problem
      const key = JSON.stringify([file, line, column, message])
      if (dropped !== undefined || distinct.has(key)) return
      if (distinct.size === maxProblems) dropped = problem
      else distinct.set(key, problem)
    },
    isFull: () => dropped !== undefined,
    list() {
      const ordered = [...distinct.values()].sort(byPlace)
      return dropped === undefined ? ordered : [...ordered, furtherProblems(dropped)]
    },
  }
}

function byPlace(a: Problem, b: Problem): number {
  return a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column
}

function furtherProblems({ file, line, column }: Problem): Problem {
  return { file, line, column, path: '', message: `more than ${maxProblems} problems; the first are shown` }
}

/**
 * A key as a step of a path. Anything but a word is hidden: a missing colon or quote can turn a secret value into a key.
 * The place still shows which key it is.
 */
export function pathStep(key: string): string {
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(key)) return key
  return /^[a-zA-Z0-9_.-]{1,64}$/.test(key) || key === '<<' ? `"${key}"` : '"..."'
}

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

/** The message of an issue whose schema has no message of its own; `describeIssue` then writes one. */
export const unworded = ''

/** What is wrong, in the schema's own words if it has any. Never repeats the value. */
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

/** What would be right. Used to join the alternatives of a union. */
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
