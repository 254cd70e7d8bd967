/** Turns the section `dependencies:` into frozen dependencies. */
import { createDependency, dependencySchema, optionsOf } from '../model/definition.ts'
import type { DependencyDefinition } from '../model/dependency.ts'
import type { Kind } from '../model/kind.ts'
import { createNameCheck, type NameProblem } from '../model/settings.ts'
import { createBreather } from '../model/turns.ts'
import { expandReferences } from './environment.ts'
import { hintForDependency } from './keys.ts'
import { deepFreeze, printDependency } from './printable.ts'
import { nearest } from './suggest.ts'
import {
  type Branch,
  type Entry,
  entryOf,
  hasBroken,
  join,
  type Leaf,
  mergeUnder,
  type NamedEntry,
} from './tree.ts'
import { type FileReading, readTwins } from './twins.ts'
import { validate } from './validate.ts'

interface DependencyReading extends FileReading {
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly kinds: readonly Kind[]
  /** Values for keys that a dependency does not set itself. */
  readonly defaults: Branch | undefined
  /** Whether there is no point in reading on. */
  readonly isFull: () => boolean
}

interface ReadDependency {
  readonly definition: DependencyDefinition
  /** Its keys with every default filled in and every secret hidden. */
  readonly printable: unknown
}

/**
 * The dependencies that are enabled; those with problems are left out, and their problems reported. Works in slices,
 * since a reload must not hold up checks and scrapes.
 *
 * @param entries with their references, which are expanded here.
 */
export async function readDependencies(
  entries: Iterable<NamedEntry>,
  reading: DependencyReading,
): Promise<readonly ReadDependency[]> {
  const checkName = createNameCheck()
  const breathe = createBreather()
  const found: ReadDependency[] = []
  const schemas = new Map(reading.kinds.map(kind => [kind, dependencySchema(kind)]))
  for (const [name, entry] of entries) {
    if (reading.isFull()) break
    for (const problem of checkName(name, `line ${entry.place.line}`))
      reading.report({ ...entry.place, path: join('dependencies', name), message: describeName(problem) })
    const dependency = await readDependency(name, expandEntry(entry, reading), { ...reading, schemas })
    if (dependency !== undefined) found.push(dependency)
    await breathe()
  }
  return found
}

function expandEntry(entry: Entry, { env, report }: DependencyReading): Entry {
  // What an environment names is taken as it is.
  if (entry.value.type === 'leaf' && entry.value.hidden === true) return entry
  const path = join('dependencies', entry.written)
  return { ...entry, value: expandReferences(entry.value, path, env, report) }
}

export function describeName(problem: NameProblem): string {
  if (problem.code === 'malformed') return problem.message
  return `differs only in case from a name on ${problem.first}`
}

async function readDependency(
  name: string,
  entry: Entry,
  reading: DependencyReading & { readonly schemas: ReadonlyMap<Kind, ReturnType<typeof dependencySchema>> },
): Promise<ReadDependency | undefined> {
  const path = join('dependencies', name)
  const chosen = chooseKind(entry, path, reading)
  const schema = chosen && reading.schemas.get(chosen.kind)
  if (chosen === undefined || schema === undefined) return undefined
  const { kind, own } = chosen
  const merged = reading.defaults === undefined ? own : mergeUnder(own, reading.defaults)
  const value = await readTwins(merged, [optionsOf(kind)], path, reading)
  const unknownKey = (key: string, parents: readonly string[]) =>
    hintForDependency(key, parents, kind, reading.kinds)
  const parsed = validate({ schema, entry: { ...entry, value }, path, report: reading.report, unknownKey })
  if (parsed === undefined || !parsed.enabled || hasBroken(value)) return undefined
  const definition = createDependency(name, kind, deepFreeze(parsed))
  return { definition, printable: deepFreeze(printDependency(definition.dependency, parsed, schema)) }
}

type Choosing = Pick<DependencyReading, 'kinds' | 'report'>

export interface Chosen {
  readonly kind: Kind
  /** Its own keys, without `kind`. */
  readonly own: Branch
}

/** The kind of a dependency, by its URL's scheme or by its key `kind`, and its other keys. */
export function chooseKind(entry: Entry, path: string, reading: Choosing): Chosen | undefined {
  const { value } = entry
  if (value.type === 'branch') return chooseByName(entry, value, path, reading)
  if (value.type === 'leaf' && value.broken) return undefined
  if (value.type === 'leaf' && typeof value.value === 'string')
    return chooseByScheme(value, value.value, path, reading)
  const message = 'expected a URL, or kind and its keys'
  return void reading.report({ ...entry.place, path, message })
}

/** The one-line form: the scheme of the URL names the kind. */
function chooseByScheme(
  leaf: Leaf,
  url: string,
  path: string,
  { kinds, report }: Choosing,
): Chosen | undefined {
  const kind = kindOfUrl(url, kinds)
  if (kind !== undefined) {
    const entries = new Map([['url', { written: undefined, place: leaf.place, value: leaf }]])
    return { kind, own: { type: 'branch', place: leaf.place, entries } }
  }
  const known = kinds.flatMap(({ schemes = [] }) => schemes.map(scheme => `${scheme}://`))
  const message = 'expected a URL whose scheme names a kind'
  return void report({ ...leaf.place, path, message, hint: `known are ${known.join(', ')}` })
}

function kindOfUrl(url: string, kinds: readonly Kind[]): Kind | undefined {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(url)?.[1]?.toLowerCase()
  return kinds.find(({ schemes }) => scheme !== undefined && schemes?.includes(scheme))
}

function chooseByName(
  entry: Entry,
  branch: Branch,
  path: string,
  { kinds, report }: Choosing,
): Chosen | undefined {
  const given = branch.entries.get('kind')
  if (given === undefined && branch.broken) return undefined
  if (given === undefined) return void report({ ...entry.place, path, ...missingKind(branch, kinds) })
  const { value } = given
  if (value.type === 'leaf' && value.broken) return undefined
  const word = value.type === 'leaf' ? String(value.value) : ''
  const kind = kinds.find(candidate => candidate.name === word)
  const own = { ...branch, entries: new Map([...branch.entries].filter(([key]) => key !== 'kind')) }
  if (kind !== undefined) return { kind, own }
  const shown = value.type === 'leaf' && value.hidden !== true && /^[a-z][a-z0-9_-]{0,31}$/i.test(word)
  const message = shown ? `unknown kind ${word}` : 'unknown kind'
  return void report({ ...value.place, path: join(path, 'kind'), message, hint: hintForKind(word, kinds) })
}

/** A scheme stands for its kind: `postgresql`, `rediss`. */
function hintForKind(word: string, kinds: readonly Kind[]): string {
  const names = kinds.map(({ name }) => name)
  const ofScheme = kinds.find(({ schemes }) => schemes?.includes(word.toLowerCase()))?.name
  const meant = ofScheme ?? nearest(word, names)
  return meant === undefined ? `known are ${names.join(', ')}` : `did you mean ${meant}?`
}

function missingKind(
  branch: Branch,
  kinds: readonly Kind[],
): { readonly message: string; readonly hint: string } {
  const message = 'kind is missing'
  const misspelt = [...branch.entries.keys()].find(key => nearest(key, ['kind']) !== undefined)
  if (misspelt !== undefined) return { message, hint: `did you mean kind instead of ${misspelt}?` }
  const url = entryOf(branch, 'url')?.value
  const meant = url?.type === 'leaf' && !url.hidden ? kindOfUrl(String(url.value), kinds) : undefined
  return {
    message,
    hint:
      meant === undefined
        ? `known are ${kinds.map(({ name }) => name).join(', ')}`
        : `add kind: ${meant.name}`,
  }
}
