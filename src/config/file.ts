/** Loads YAML files other than the config, with the same limits and the same form of problems. */
import type { z } from 'zod'
import { hintFor } from './keys.ts'
import { createProblems, type Place, type Problem, type Report } from './problem.ts'
import { type FileText, maxConfigBytes, readFileText } from './text.ts'
import { type Entry, locate } from './tree.ts'
import { validate } from './validate.ts'
import { readYaml } from './yaml/yaml.ts'

type LoadedFile<T> =
  | { readonly ok: true; readonly value: T }
  /** At least one, in the order of their places. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** For completing what was parsed. */
interface Completion {
  /** Reads the text of another file, within the same limits. */
  read(file: string): Promise<FileText>
  /** Reports a problem with the value at a path of the file. */
  refuse(path: readonly string[], message: string): void
}

/**
 * Loads a file by a schema. References such as `${VAR}` are plain text here. Never throws for the file's content.
 *
 * @param complete turns the parsed value into the result, for instance by reading files that it names. The result counts
 * only if nothing was refused. Default: the value itself.
 */
export async function loadFile<T, R = T>(
  file: string,
  schema: z.ZodType<T>,
  complete: (value: T, completion: Completion) => Promise<R | undefined> = async value =>
    value as unknown as R,
): Promise<LoadedFile<R>> {
  const { report, list } = createProblems()
  const parsed = await parse(file, schema, report)
  const refuse: Completion['refuse'] = (path, message) => {
    if (parsed !== undefined) report({ ...spotOf(parsed.entry, path), message })
  }
  const read = (other: string) => readFileText(other, maxConfigBytes)
  const value = parsed && list().length === 0 ? await complete(parsed.value, { read, refuse }) : undefined
  const problems = list()
  return value === undefined || problems.length > 0 ? { ok: false, problems } : { ok: true, value }
}

async function parse<T>(
  file: string,
  schema: z.ZodType<T>,
  report: Report,
): Promise<{ readonly value: T; readonly entry: Entry } | undefined> {
  const source = await readFileText(file, maxConfigBytes)
  if (!source.ok) return void report({ file, line: source.line, column: 1, path: '', ...source.problem })
  const tree = readYaml(file, source.text, report)
  const entry = tree && { written: undefined, place: { file, line: 1, column: 1 }, value: tree }
  const unknownKey = (key: string, parents: readonly string[]) => hintFor(key, parents, schema)
  const value = entry && validate({ schema, entry, path: '', report, unknownKey })
  return entry === undefined || value === undefined ? undefined : { value, entry }
}

/** The place and the path of a value, or of the key nearest to it. */
function spotOf(entry: Entry, steps: readonly string[]): Place & { readonly path: string } {
  const { key, tree, path } = locate(entry, '', steps)
  return { ...(tree?.type === 'leaf' && tree.value !== null ? tree.place : key), path }
}
