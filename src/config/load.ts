/** The one way into this room: a file or the environment in, a frozen `Config` or every problem out. */
import { dirname, resolve } from 'node:path'
import type { Dependency, Kind } from '../dependency.ts'
import { readDependencies } from './dependencies.ts'
import { readEnvironment } from './environment.ts'
import { deepFreeze } from './freeze.ts'
import { hintForSection } from './keys.ts'
import { printable, printServer } from './printable.ts'
import { orderProblems, type Problem, type Report } from './problem.ts'
import { expandReferences } from './reference.ts'
import { sections } from './sections.ts'
import type { HistogramSettings, ServerSettings } from './server.ts'
import { maxConfigBytes, readSettled, readSource } from './source.ts'
import { type Entry, entryOf, type Tree } from './tree.ts'
import { validate } from './validate.ts'
import { readYaml } from './yaml.ts'

/** A whole configuration, deep-frozen. */
export interface Config {
  /** Those that are enabled, in the order of the file. */
  readonly dependencies: readonly Dependency[]
  readonly maxConcurrentChecks: number
  readonly histogram: HistogramSettings
  readonly server: ServerSettings
  /** All of it for people and JSON: defaults filled in, every secret as `<secret>`. */
  readonly printable: unknown
  /** Absolute paths of the config file and of every file that it names: what to watch for a reload. */
  readonly files: readonly string[]
}

export type Loaded =
  | { readonly ok: true; readonly config: Config }
  /** At least one, in the order of their places. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

export interface LoadOptions {
  /** The YAML file. Without it, the environment is the configuration; with it, it is read through `${VAR}` alone. */
  readonly file?: string
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly kinds: readonly Kind[]
  /** Default 10,000. */
  readonly maxDependencies?: number
  /**
   * Waits some 500 ms. When given, the file is read again after it until two readings in a row agree: a reload must not
   * take a file that is being written.
   */
  readonly pause?: () => Promise<void>
}

/** Loads and validates a configuration. Reads files and nothing else: no network. Never throws for what is in them. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const problems: Problem[] = []
  const report: Report = problem => void problems.push(problem)
  const root = await readRoot(options, report)
  const config = root && (await readConfig(root, options, report))
  return config === undefined || problems.length > 0
    ? { ok: false, problems: orderProblems(problems) }
    : { ok: true, config }
}

async function readRoot({ file, env, pause }: LoadOptions, report: Report): Promise<Tree | undefined> {
  if (file === undefined) {
    const dependencies = readEnvironment(env, report)
    return { type: 'branch', place: dependencies.place, entries: new Map([['dependencies', dependencies]]) }
  }
  const read = () => readSource(file, maxConfigBytes)
  const source = await (pause === undefined ? read() : readSettled(read, pause))
  if (!source.ok) return void report({ file, line: source.line, column: 1, path: '', ...source.problem })
  const tree = readYaml(file, source.text, report)
  return tree && expandReferences(tree, '', env, report)
}

async function readConfig(tree: Tree, options: LoadOptions, report: Report): Promise<Config | undefined> {
  const { file, kinds, maxDependencies = 10_000 } = options
  const root: Entry = {
    written: undefined,
    place: { file: file ?? 'environment', line: 1, column: 1 },
    value: tree,
  }
  const unknownKey = (key: string, parents: readonly string[]) =>
    hintForSection(key, parents, sections, kinds)
  const parsed = validate({ schema: sections, entry: root, path: '', report, unknownKey })
  const section = entryOf(tree, 'dependencies')
  if (section === undefined || section.value.type !== 'branch') return undefined
  if (section.value.entries.size === 0 && !section.value.broken) refuseNone(section, file, report)
  const under = entryOf(tree, 'defaults')?.value
  const files = new Set(file === undefined ? [] : [resolve(file)])
  const found = await readDependencies(section, {
    kinds,
    maxDependencies,
    defaults: under?.type === 'branch' ? under : undefined,
    directory: dirname(file ?? '.'),
    report,
    seen: path => files.add(path),
  })
  if (parsed === undefined) return undefined
  const { server, histogram, maxConcurrentChecks } = parsed
  const dependencies = found.map(({ dependency }) => dependency)
  const shown = Object.fromEntries(found.map(({ dependency, printable }) => [dependency.name, printable]))
  return deepFreeze({
    dependencies,
    maxConcurrentChecks,
    histogram,
    server,
    printable: {
      dependencies: shown,
      maxConcurrentChecks,
      histogram: printable(histogram),
      server: printServer(server),
    },
    files: [...files],
  })
}

function refuseNone(section: Entry, file: string | undefined, report: Report): void {
  const hint = file === undefined ? 'write pulsecheck.yml or set DATABASE_URL' : 'add one under dependencies'
  report({ ...section.place, path: '', message: 'no dependencies configured', hint })
}
