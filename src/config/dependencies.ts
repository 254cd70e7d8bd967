/** The section `dependencies:`, from its tree to frozen dependencies. */
import { setImmediate } from 'node:timers/promises'
import type { Dependency, Kind } from '../dependency.ts'
import { createDependency, dependencyName, dependencySchema } from '../settings.ts'
import { type FileReading, readTwins } from './files.ts'
import { deepFreeze } from './freeze.ts'
import { hintForDependency } from './keys.ts'
import { nearest } from './nearest.ts'
import { printDependency } from './printable.ts'
import type { Report } from './problem.ts'
import { type Branch, type Entry, entryOf, hasBroken, join, type Leaf, mergeUnder } from './tree.ts'
import { validate } from './validate.ts'

export interface DependencyReading extends FileReading {
  readonly kinds: readonly Kind[]
  /** The keys that a dependency has where it does not set them itself. */
  readonly defaults: Branch | undefined
  readonly maxDependencies: number
}

export interface ReadDependency {
  readonly dependency: Dependency
  /** Its keys with every default filled in and every secret hidden. */
  readonly printable: unknown
}

/** The dependencies that are enabled; those with problems are left out, and their problems reported. */
export async function readDependencies(
  section: Entry,
  reading: DependencyReading,
): Promise<readonly ReadDependency[]> {
  const entries = section.value.type === 'branch' ? [...section.value.entries] : []
  const refuse = (message: string, hint?: string) =>
    reading.report({ ...section.place, path: 'dependencies', message, ...(hint !== undefined && { hint }) })
  if (entries.length > reading.maxDependencies) {
    refuse(`${entries.length} dependencies are more than the ${reading.maxDependencies} allowed`)
    return []
  }
  checkNames(entries, reading.report)
  const found: ReadDependency[] = []
  for (const [i, [name, entry]] of entries.entries()) {
    const dependency = await readDependency(name, entry, reading)
    if (dependency !== undefined) found.push(dependency)
    // A reload must not hold up checks and scrapes.
    if (i % 50 === 49) await setImmediate()
  }
  return found
}

function checkNames(entries: readonly (readonly [string, Entry])[], report: Report): void {
  const lower = new Map<string, Entry>()
  for (const [name, entry] of entries) {
    const path = join('dependencies', name)
    const result = dependencyName.safeParse(name)
    if (!result.success)
      report({ ...entry.place, path, message: result.error.issues[0]?.message ?? 'bad name' })
    const first = lower.get(name.toLowerCase())
    if (first !== undefined)
      report({
        ...entry.place,
        path,
        message: `differs only in case from a name on line ${first.place.line}`,
      })
    else lower.set(name.toLowerCase(), entry)
  }
}

async function readDependency(
  name: string,
  entry: Entry,
  reading: DependencyReading,
): Promise<ReadDependency | undefined> {
  const path = join('dependencies', name)
  const chosen = chooseKind(entry, path, reading)
  const schema = chosen && dependencySchema(chosen.kind)
  if (chosen === undefined || schema === undefined) return undefined
  const { kind, own } = chosen
  const merged = reading.defaults === undefined ? own : mergeUnder(own, reading.defaults)
  const value = await readTwins(merged, [kind.options], path, reading)
  const unknownKey = (key: string, parents: readonly string[]) =>
    hintForDependency(key, parents, kind, reading.kinds)
  const parsed = validate({ schema, entry: { ...entry, value }, path, report: reading.report, unknownKey })
  if (parsed === undefined || !parsed.enabled || hasBroken(value)) return undefined
  const dependency = createDependency(name, kind, deepFreeze(parsed))
  return { dependency, printable: printDependency(dependency, parsed) }
}

interface Chosen {
  readonly kind: Kind
  /** Its own keys, without `kind`. */
  readonly own: Branch
}

function chooseKind(entry: Entry, path: string, reading: DependencyReading): Chosen | undefined {
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
  { kinds, report }: DependencyReading,
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
  { kinds, report }: DependencyReading,
): Chosen | undefined {
  const given = branch.entries.get('kind')
  if (given === undefined && branch.broken) return undefined
  if (given === undefined) return void report({ ...entry.place, path, ...missingKind(branch, kinds) })
  const { value } = given
  if (value.type === 'leaf' && value.broken) return undefined
  const word = value.type === 'leaf' ? String(value.value) : ''
  const kind = kinds.find(candidate => candidate.kind === word)
  const own = { ...branch, entries: new Map([...branch.entries].filter(([key]) => key !== 'kind')) }
  if (kind !== undefined) return { kind, own }
  const names = kinds.map(candidate => candidate.kind)
  const near = nearest(word, names)
  const hint = near === undefined ? `known are ${names.join(', ')}` : `did you mean ${near}?`
  return void report({ ...value.place, path: join(path, 'kind'), message: 'unknown kind', hint })
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
        ? `known are ${kinds.map(({ kind }) => kind).join(', ')}`
        : `add kind: ${meant.kind}`,
  }
}
