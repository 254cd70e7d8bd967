/** Dependencies as an application gives them, read by the rules of a config file and refused in its words. */
import type { z } from 'zod'
import { createDependency, dependencySchema } from '../model/definition.ts'
import type { DependencyDefinition } from '../model/dependency.ts'
import type { DependencyOptions, Kind } from '../model/kind.ts'
import { isPlain } from '../model/secret.ts'
import { createNameCheck, settings } from '../model/settings.ts'
import { type Chosen, chooseKind, describeName } from './dependencies.ts'
import { nowhere, optionsTree, place, treeOf } from './given.ts'
import { hintClient, hintFor, hintForDependency, hintForSection } from './keys.ts'
import { deepFreeze } from './printable.ts'
import type { Problem, Report } from './problem.ts'
import { sections } from './sections.ts'
import { nearest } from './suggest.ts'
import { type Branch, type Entry, join, mergeUnder } from './tree.ts'
import { validate } from './validate.ts'

/** What an application may give under a name: a URL, what a kind's function returns, or `kind` and its keys. */
type Given = string | DependencyOptions | object

interface Values {
  readonly dependencies: Readonly<Record<string, Given>>
  /** The keys that every dependency has where it does not set them itself. */
  readonly defaults?: object | undefined
}

interface ValueRules {
  /** Kinds that URLs and words may name. */
  readonly kinds: readonly Kind[]
  /** Names that are taken already. */
  readonly taken?: readonly string[]
}

/**
 * The dependencies that are enabled, in their order.
 *
 * @throws TypeError with every problem, each on a line with its path and a hint. No part of it holds a secret.
 */
export function readValues(
  { dependencies, defaults }: Values,
  { kinds, taken }: ValueRules,
): readonly DependencyDefinition[] {
  return readAll(configuration, report =>
    readDependencies({ dependencies, defaults }, { kinds, ...(taken && { taken }) }, report),
  )
}

/**
 * The dependencies of a monitor, whose other options are checked as well.
 *
 * @param schema of the options beside `dependencies` and `defaults`.
 * @throws TypeError with every problem of both.
 */
export function readMonitor(
  given: unknown,
  { schema, ...rules }: ValueRules & { readonly schema: z.ZodObject },
): readonly DependencyDefinition[] {
  return readAll(configuration, report => {
    if (!isPlain(given)) {
      refuse(report, '', 'createMonitor takes an object of options, with dependencies')
      return []
    }
    const { dependencies, defaults, ...own } = given
    checkObject(own, schema, report, ['dependencies', 'defaults'])
    // Ready-made ones have been read already.
    if (Array.isArray(dependencies)) return dependencies
    return readDependencies({ dependencies, defaults }, rules, report)
  })
}

/**
 * Checks what an application has given as the options of a function, as a compiler would.
 *
 * @throws TypeError with every problem: unknown keys, and values that are not what the schema says.
 */
export function checkOptions(where: string, given: unknown, schema: z.ZodObject): void {
  if (given === undefined) return
  readAll(`the options of ${where} are not valid`, report => {
    if (isPlain(given)) checkObject(given, schema, report)
    else refuse(report, '', 'expected an object')
  })
}

const configuration = 'the configuration is not valid'

/** @param others keys that are read elsewhere, and may be what was meant. */
function checkObject(
  given: object,
  schema: z.ZodObject,
  report: Report,
  others: readonly string[] = [],
): void {
  const known = [...others, ...Object.keys(schema.shape)]
  const unknownKey = (key: string, parents: readonly string[]) => {
    if (parents.length > 0) return hintFor(key, parents, schema)
    const meant = nearest(key, known)
    return meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`
  }
  validate({ schema, entry: { ...nowhere, value: optionsTree(given) }, path: '', report, unknownKey })
}

/** What is read, unless there were problems. */
function readAll<T>(title: string, read: (report: Report) => T): T {
  const problems: Problem[] = []
  const value = read(problem => problems.push(problem))
  throwProblems(title, problems)
  return value
}

function readDependencies(
  { dependencies, defaults }: { readonly [Key in keyof Values]: unknown },
  { kinds, taken = [] }: ValueRules,
  report: Report,
): readonly DependencyDefinition[] {
  const under = readDefaults(defaults, kinds, report)
  const entries = isPlain(dependencies) ? Object.entries(dependencies) : []
  if (!isPlain(dependencies)) refuse(report, 'dependencies', 'expected a map of names to dependencies')
  refuseNames(
    taken,
    entries.map(([name]) => name),
    report,
  )
  return entries.flatMap(([name, given]) => readValue(name, given, { kinds, under, report }) ?? [])
}

function readDefaults(defaults: unknown, kinds: readonly Kind[], report: Report): Branch | undefined {
  if (defaults === undefined) return undefined
  const value = treeOf(defaults)
  const entry = { ...nowhere, value }
  const unknownKey = (key: string, parents: readonly string[]) =>
    hintForSection(key, ['defaults', ...parents], sections, kinds)
  const parsed = validate({ schema: settings, entry, path: 'defaults', report, unknownKey })
  // Invalid defaults are reported once, not for every dependency.
  return value.type === 'branch' && parsed !== undefined ? value : undefined
}

function refuseNames(taken: readonly string[], names: readonly string[], report: Report): void {
  const check = createNameCheck()
  for (const name of taken) check(name, 'the monitor')
  for (const name of names)
    for (const problem of check(name, JSON.stringify(name))) {
      const isTaken = problem.code === 'taken' && problem.isSame
      refuse(report, join('dependencies', name), isTaken ? 'this name is taken' : describeName(problem))
    }
}

interface ValueReading {
  readonly kinds: readonly Kind[]
  readonly under: Branch | undefined
  readonly report: Report
}

function readValue(
  name: string,
  given: unknown,
  { kinds, under, report }: ValueReading,
): DependencyDefinition | undefined {
  const path = join('dependencies', name)
  const entry: Entry = { ...nowhere, value: isMade(given) ? optionsTree(given.options ?? {}) : treeOf(given) }
  const chosen = isMade(given)
    ? chooseMade(given.kind, entry, path, report)
    : chooseKind(entry, path, { kinds, report })
  if (chosen === undefined) return undefined
  const { kind, own } = chosen
  const value = under === undefined ? own : mergeUnder(own, under)
  const unknownKey = (key: string, parents: readonly string[]) => hintForDependency(key, parents, kind, kinds)
  const schema = dependencySchema(kind)
  const reportAll = own.type === 'branch' ? hintClient(kind, own, path, report) : report
  const parsed = validate({ schema, entry: { ...entry, value }, path, report: reportAll, unknownKey })
  return parsed?.enabled ? createDependency(name, kind, deepFreeze(parsed)) : undefined
}

/** Whether a kind's function has made it. */
function isMade(given: unknown): given is DependencyOptions {
  if (typeof given !== 'object' || given === null || !('kind' in given)) return false
  return typeof given.kind === 'function' || (typeof given.kind === 'object' && given.kind !== null)
}

function chooseMade(kind: Kind, { value }: Entry, path: string, report: Report): Chosen | undefined {
  if (value.type === 'branch') return { kind, own: value }
  return void refuse(report, path, `${kind.name}() takes an object of options`)
}

function refuse(report: Report, path: string, message: string): void {
  report({ ...place, path, message })
}

function throwProblems(title: string, problems: readonly Problem[]): void {
  const lines = problems.map(({ path, message, hint }) => {
    const what = hint === undefined ? message : `${message}; ${hint}`
    return path === '' ? what : `${path}: ${what}`
  })
  if (lines.length > 0) throw new TypeError([title, ...lines].join('\n  '))
}
