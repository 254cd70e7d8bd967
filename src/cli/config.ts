/**
 * The config as every command reads it: its kinds, the flags that replace parts of it, and the commands that only read
 * it.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { configJsonSchema } from '../config/json-schema.ts'
import type { Config } from '../config/load.ts'
import { metricsPathProblem } from '../config/sections.ts'
import { nearest } from '../config/suggest.ts'
import { kinds } from '../kinds/index.ts'
import type { DependencyDefinition } from '../model/dependency.ts'
import type { Kind } from '../model/kind.ts'
import { type ListenAddress, parseListenAddress } from '../model/notation.ts'
import { loadServiceConfig } from '../service/load.ts'
import { ConfigError } from '../service/sources.ts'
import { Exit, exitCodes, print } from './ending.ts'
import type { GlobalFlags } from './flags.ts'

/** Read if it exists and no other file is named. */
const defaultFile = 'pulsecheck.yml'

/** The named file, or the default one if it exists; undefined means the environment. */
export function configFile(named: string | undefined): string | undefined {
  return named ?? (existsSync(defaultFile) ? defaultFile : undefined)
}

/** The flags that say what the config is. */
type ConfigFlags = Pick<GlobalFlags, 'config.file' | 'kinds'>

/** @throws Exit 3 with every problem of the config; Exit 2 for kinds that cannot be loaded. */
export async function readConfig(flags: ConfigFlags): Promise<Config> {
  const kinds = await loadKinds(flags)
  try {
    return await loadServiceConfig({ configFile: configFile(flags['config.file']), env: process.env, kinds })
  } catch (error) {
    if (error instanceof ConfigError) throw new Exit(exitCodes.config, error.problems)
    throw error
  }
}

/** Undefined if the flag is not set. @throws Exit 2 for anything but host:port. */
export function listenAddresses(flags: GlobalFlags): readonly ListenAddress[] | undefined {
  return flags['web.listenAddress']?.map(text => {
    const address = parseListenAddress(text)
    if (address !== undefined) return address
    throw new Exit(exitCodes.usage, [
      `error: --web.listen-address "${text}": write host:port, such as :9797 or 127.0.0.1:9797`,
    ])
  })
}

/** Undefined if the flag is not set. @throws Exit 2 for a path that cannot serve metrics. */
export function telemetryPath(flags: GlobalFlags): string | undefined {
  const path = flags['web.telemetryPath']
  const problem = path === undefined ? undefined : metricsPathProblem(path)
  if (problem === undefined) return path
  throw new Exit(exitCodes.usage, [`error: --web.telemetry-path "${path}": ${problem}`])
}

/** The named dependencies, in the order of the config. @throws Exit 2 with every unknown name. */
export function select(
  definitions: readonly DependencyDefinition[],
  names: readonly string[],
): readonly DependencyDefinition[] {
  const known = definitions.map(({ dependency }) => dependency.name)
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0)
    throw new Exit(
      exitCodes.usage,
      unknown.map(name => `error: no dependency "${name}" in the config${hint(name, known)}`),
    )
  return definitions.filter(({ dependency }) => names.includes(dependency.name))
}

function hint(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  return meant === undefined ? `; it has ${known.join(', ')}` : `; did you mean ${meant}?`
}

/**
 * `pulsecheck validate`: reads the config as `run` does, without contacting anything, and prints a summary.
 *
 * @throws Exit 3 with every problem, if there are any.
 */
export async function validate(flags: ConfigFlags): Promise<void> {
  const { dependencies } = await readConfig(flags)
  const byKind = Map.groupBy(dependencies, ({ dependency }) => dependency.kind)
  const counts = [...byKind].map(([kind, members]) => `${members.length} ${kind}`).sort()
  await print(
    process.stdout,
    `${configFile(flags['config.file']) ?? 'environment'}: ok, ${dependencies.length} dependencies: ${counts.join(', ')}\n`,
  )
}

/** `pulsecheck schema`: prints the JSON Schema of the config, draft 2020-12, for editors. */
export async function printSchema(flags: Pick<GlobalFlags, 'kinds'>): Promise<void> {
  const kinds = await loadKinds(flags)
  await print(process.stdout, `${JSON.stringify(configJsonSchema(kinds), null, 2)}\n`)
}

/** @throws Exit 2 if a module cannot be loaded, exports no kind, or one of a name that is taken. */
export async function loadKinds({ kinds: files = [] }: Pick<GlobalFlags, 'kinds'>): Promise<readonly Kind[]> {
  const known = [...kinds]
  for (const file of files) {
    const found = kindsOf(await load(file))
    if (found.length === 0) throw refuse(file, 'exports no kind; export what defineKind returns')
    for (const kind of found) {
      const taken = known.find(({ name }) => name === kind.name)
      if (taken !== undefined && taken !== kind) throw refuse(file, `there is a kind ${kind.name} already`)
      if (taken === undefined) known.push(kind)
    }
  }
  return known
}

async function load(file: string): Promise<object> {
  try {
    return await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    throw refuse(file, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Everything that a module exports and that has the form of a kind, whichever copy of Pulsecheck declared it. */
function kindsOf(module: object): readonly Kind[] {
  return Object.values(module).filter(isKind)
}

function isKind(value: unknown): value is Kind {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const { name, target, open } = value as Readonly<Record<string, unknown>>
  return (
    typeof name === 'string' &&
    /^[a-z][a-z0-9_]*$/.test(name) &&
    typeof target === 'function' &&
    typeof open === 'function'
  )
}

function refuse(file: string, why: string): Exit {
  return new Exit(exitCodes.usage, [`error: --kinds ${JSON.stringify(file)}: ${why}`])
}
