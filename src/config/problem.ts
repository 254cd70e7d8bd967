/** What is wrong with a configuration, and where. */

/** A place in a configuration: of a file, or of an environment variable, which counts as a file of one line. */
export interface Place {
  /** The file as it was named to us, or the name of an environment variable. */
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1, in UTF-16 code units. */
  readonly column: number
}

/** One mistake in a configuration. No part of it holds a secret or a value from the environment. */
export interface Problem extends Place {
  /** The keys that lead there, as they were written: `dependencies.orders-db.interval`. Empty for the whole file. */
  readonly path: string
  readonly message: string
  /** What to do about it. */
  readonly hint?: string | undefined
}

/** Takes a problem while the reading goes on, so that all of them are reported at once. */
export type Report = (problem: Problem) => void

/** The problem in one line: `pulsecheck.yml:12:5: dependencies.orders-db.interal: unknown key; did you mean interval?` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, hint } = problem
  const what = hint === undefined ? message : `${message}; ${hint}`
  return [`${file}:${line}:${column}`, path, what].filter(part => part !== '').join(': ')
}

/** More would help nobody, and a broken file can hold hundreds of thousands. */
export const maxProblems = 100

/** Collects problems, each once: a shared default is wrong once, not once for every dependency. */
export interface Problems {
  readonly report: Report
  /** Whether further problems are dropped, so that reading on is pointless. */
  isFull(): boolean
  /** In the order of their places. If some were dropped, the last one says so. */
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
 * A key as a step of a path. Whatever is no word is not shown: a missing colon or quote makes a key of what was meant
 * to be a secret value, and the place says which key it is.
 */
export function pathStep(key: string): string {
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(key)) return key
  return /^[a-zA-Z0-9_.-]{1,64}$/.test(key) || key === '<<' ? `"${key}"` : '"..."'
}
