/** The config as every command finds it, and the flags that choose from it or stand in its place. */
import { existsSync } from 'node:fs'
import { type Config, metricsPathProblem } from '../config/index.ts'
import { nearest } from '../config/nearest.ts'
import { kinds } from '../kinds/index.ts'
import { type ListenAddress, parseListenAddress } from '../model/address.ts'
import type { DependencyDefinition } from '../model/definition.ts'
import { ConfigError, loadServiceConfig } from '../service.ts'
import { Exit, exitCodes } from './exit.ts'
import type { GlobalFlags } from './flags.ts'

/** What is read when no file is named, if it is there. */
const defaultFile = 'pulsecheck.yml'

/** The file that was named, or the usual one if it is there; undefined means the environment. */
export function configFile(named: string | undefined): string | undefined {
  return named ?? (existsSync(defaultFile) ? defaultFile : undefined)
}

/** @throws Exit with every problem, if there are any. */
export async function readConfig(named: string | undefined): Promise<Config> {
  try {
    return await loadServiceConfig({ configFile: configFile(named), env: process.env, kinds })
  } catch (error) {
    if (error instanceof ConfigError) throw new Exit(exitCodes.config, error.problems)
    throw error
  }
}

/** Undefined if none was given. @throws Exit 2 for a text that is no address. */
export function listenAddresses(flags: GlobalFlags): readonly ListenAddress[] | undefined {
  return flags['web.listenAddress']?.map(text => {
    const address = parseListenAddress(text)
    if (address !== undefined) return address
    throw new Exit(exitCodes.usage, [
      `error: --web.listen-address "${text}": write host:port, such as :9797 or 127.0.0.1:9797`,
    ])
  })
}

/** Undefined if none was given. @throws Exit 2 for a path that the metrics cannot have. */
export function telemetryPath(flags: GlobalFlags): string | undefined {
  const path = flags['web.telemetryPath']
  const problem = path === undefined ? undefined : metricsPathProblem(path)
  if (problem === undefined) return path
  throw new Exit(exitCodes.usage, [`error: --web.telemetry-path "${path}": ${problem}`])
}

/** Those of these names, in the order of the config. @throws Exit 2 with every name that is not there. */
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
