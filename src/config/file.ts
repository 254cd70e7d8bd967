/** Any other YAML file that an operator names, with the same gates and the same problems as the config itself. */
import type { z } from 'zod'
import { hintFor } from './keys.ts'
import { orderProblems, type Problem, type Report } from './problem.ts'
import { maxConfigBytes, readSource } from './source.ts'
import { validate } from './validate.ts'
import { readYaml } from './yaml.ts'

export type LoadedFile<T> =
  | { readonly ok: true; readonly value: T }
  /** At least one, in the order of their places. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Reads a file against a schema. References such as `${VAR}` are text here. Never throws for what is in it. */
export async function loadFile<T>(file: string, schema: z.ZodType<T>): Promise<LoadedFile<T>> {
  const problems: Problem[] = []
  const report: Report = problem => void problems.push(problem)
  const value = await read(file, schema, report)
  return value === undefined || problems.length > 0
    ? { ok: false, problems: orderProblems(problems) }
    : { ok: true, value }
}

async function read<T>(file: string, schema: z.ZodType<T>, report: Report): Promise<T | undefined> {
  const source = await readSource(file, maxConfigBytes)
  if (!source.ok) return void report({ file, line: source.line, column: 1, path: '', ...source.problem })
  const tree = readYaml(file, source.text, report)
  const entry = tree && { written: undefined, place: { file, line: 1, column: 1 }, value: tree }
  const unknownKey = (key: string, parents: readonly string[]) => hintFor(key, parents, schema)
  return entry && validate({ schema, entry, path: '', report, unknownKey })
}
