/** Loads a configuration from a file or the environment: a frozen `Config`, or every problem in it. */
import { dirname } from 'node:path'
import type { DependencyDefinition } from '../model/dependency.ts'
import type { Kind } from '../model/kind.ts'
import { Secret } from '../model/secret.ts'
import { forEachInSlices } from '../model/turns.ts'
import { readDependencies } from './dependencies.ts'
import { expandReferences, readEnvironment } from './environment.ts'
import { hintForSection } from './keys.ts'
import { deepFreeze, printBySchema } from './printable.ts'
import { createProblems, type Problem, type Problems, type Report } from './problem.ts'
import { type HistogramSettings, type ServerSettings, sections } from './sections.ts'
import { type FileText, maxConfigBytes, readFileText, readSettled, stampOf } from './text.ts'
import { type Entry, entryOf, type Outline, outlineOf } from './tree.ts'
import { createNamedFiles, type NamedFile, type NamedFiles, type Stamped } from './twins.ts'
import { validate } from './validate.ts'
import { readInThread } from './yaml/thread.ts'
import { readYaml } from './yaml/yaml.ts'

/** A whole configuration, deep-frozen. */
export interface Config {
  /** Those that are enabled, in the order of the file. */
  readonly dependencies: readonly DependencyDefinition[]
  readonly maxConcurrentChecks: number
  readonly histogram: HistogramSettings
  readonly server: ServerSettings
  /** The whole config as JSON, with defaults filled in and every secret as `<secret>`. */
  readonly printable: unknown
  /** The files that `...File` keys name, as they were read. */
  readonly namedFiles: readonly NamedFile[]
  /** The text of the config file. Undefined for an environment. */
  readonly text: Secret | undefined
  /** The config file as it was read. Undefined for an environment. */
  readonly source: Stamped | undefined
}

/** Limit of the dependencies of one service. */
export const maxDependencies = 10_000

export type Loaded =
  | { readonly ok: true; readonly config: Config }
  | {
      readonly ok: false
      /** At least one, in the order of their places. */
      readonly problems: readonly Problem[]
      /** The files that `...File` keys name, as they were, as far as the config could be read. */
      readonly named: readonly Stamped[]
    }

export interface LoadOptions {
  /** The YAML file. Without it, the environment is the configuration; with it, it is read through `${VAR}` alone. */
  readonly file?: string | undefined
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly kinds: readonly Kind[]
  /** Default: `maxDependencies`. */
  readonly maxDependencies?: number
  /**
   * A config that was loaded from the file before. Its text is used instead of the file's, and only the files that it names
   * are read again. Where one of these is empty or cannot be read, its earlier content is used.
   */
  readonly again?: Pick<Config, 'text' | 'source' | 'namedFiles'>
  /**
   * Waits some 500 ms. If given, the file is read until two readings in a row, with this pause between them, agree: a
   * reload must not take a file that is being written.
   */
  readonly pause?: () => Promise<void>
}

/** Longer texts, in characters, are parsed in a thread by a reload, so that checks and scrapes go on. */
const quickLength = 8 * 1024
/** The same for a start, which has to wait for the config anyway; a thread takes 50 ms to start. */
const quickStartLength = 256 * 1024

/** Loads and validates a configuration. Reads files only, never the network. Never throws for their content. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const collected = createProblems()
  const files = createNamedFiles(options.again?.namedFiles)
  const use = async (outline: Outline | undefined, origin?: Origin) =>
    outline && (await readConfig(outline, origin, options, { ...collected, files }))
  const config = await readOutline(options, collected.report, use)
  const problems = collected.list()
  if (config === undefined || problems.length > 0) return { ok: false, problems, named: await files.stamps() }
  return { ok: true, config }
}

/** What a config file held, and when. */
interface Origin {
  readonly text: string
  readonly source: Stamped
}

async function readOutline<T>(
  { file, env, pause, again }: LoadOptions,
  report: Report,
  use: (outline: Outline | undefined, origin?: Origin) => Promise<T>,
): Promise<T> {
  if (file === undefined) return await use(environmentOutline(env, report))
  const { content, stamp } = await readText(file, again, pause)
  if (!content.ok) {
    report({ file, line: content.line, column: 1, path: '', ...content.problem })
    return await use(undefined)
  }
  const { text } = content
  const origin = { text, source: { file, stamp } }
  const isLive = pause !== undefined || again !== undefined
  if (text.length > (isLive ? quickLength : quickStartLength))
    return await readInThread(file, text, report, outline => use(outline, origin))
  const tree = readYaml(file, text, report)
  return await use(tree && outlineOf(tree, report), origin)
}

async function readText(
  file: string,
  again: LoadOptions['again'],
  pause: LoadOptions['pause'],
): Promise<{ readonly content: FileText; readonly stamp: string }> {
  if (again?.text !== undefined)
    return { content: { ok: true, text: again.text.reveal() }, stamp: again.source?.stamp ?? '' }
  let stamp = ''
  const read = async () => {
    stamp = await stampOf(file)
    return await readFileText(file, maxConfigBytes)
  }
  const content = await (pause === undefined ? read() : readSettled(read, pause))
  return { content, stamp }
}

function environmentOutline(env: LoadOptions['env'], report: Report): Outline {
  const dependencies = readEnvironment(env, report)
  const entries = new Map([['dependencies', dependencies]])
  return outlineOf({ type: 'branch', place: dependencies.place, entries }, report)
}

async function readConfig(
  { root: unexpanded, count, dependencies }: Outline,
  origin: Origin | undefined,
  options: LoadOptions,
  { report, isFull, files }: Problems & { readonly files: NamedFiles },
): Promise<Config | undefined> {
  const { file, env, kinds, maxDependencies: allowed = maxDependencies } = options
  const tree = file === undefined ? unexpanded : expandReferences(unexpanded, '', env, report)
  const root: Entry = {
    written: undefined,
    place: { file: file ?? 'environment', line: 1, column: 1 },
    value: tree,
  }
  const unknownKey = (key: string, parents: readonly string[]) =>
    hintForSection(key, parents, sections, kinds)
  const parsed = validate({ schema: sections, entry: root, path: '', report, unknownKey })
  const section = entryOf(tree, 'dependencies')
  if (section?.value.type !== 'branch') return undefined
  if (count === 0 && !section.value.broken) refuseNone(section, file, report)
  if (count > allowed) return void refuseMany(section, count, allowed, report)
  const under = entryOf(tree, 'defaults')?.value
  const found = await readDependencies(dependencies, {
    kinds,
    env,
    defaults: under?.type === 'branch' ? under : undefined,
    directory: dirname(file ?? '.'),
    report,
    isFull,
    files,
  })
  if (parsed === undefined) return undefined
  const { server, histogram, maxConcurrentChecks } = parsed
  const definitions: DependencyDefinition[] = []
  const shown = Object.create(null) as Record<string, unknown>
  await forEachInSlices(found, ({ definition, printable }) => {
    definitions.push(definition)
    shown[definition.dependency.name] = printable
  })
  const namedFiles = await files.list()
  return deepFreeze({
    dependencies: definitions,
    maxConcurrentChecks,
    histogram,
    server,
    printable: {
      dependencies: shown,
      ...Object(printBySchema({ maxConcurrentChecks, histogram, server }, sections)),
    },
    namedFiles,
    text: origin && new Secret(origin.text),
    source: origin?.source,
  })
}

function refuseNone(section: Entry, file: string | undefined, report: Report): void {
  const hint = file === undefined ? 'write pulsecheck.yml or set DATABASE_URL' : 'add one under dependencies'
  report({ ...section.place, path: '', message: 'no dependencies configured', hint })
}

function refuseMany({ place }: Entry, count: number, allowed: number, report: Report): void {
  const message = `${count} dependencies are more than the ${allowed} allowed`
  report({ ...place, path: 'dependencies', message })
}
