/** The config as every command finds it. */
import { existsSync } from 'node:fs'
import type { Config } from '../config/index.ts'
import { kinds } from '../kinds/index.ts'
import { ConfigError, loadServiceConfig } from '../service.ts'
import { Exit, exitCodes } from './exit.ts'

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
