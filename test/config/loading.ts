/** Loads configurations from texts, as files of a directory that is gone after the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Config, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from './kinds.ts'

type Files = Readonly<Record<string, string | Uint8Array>>

export async function directoryOf(files: Files): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pulsecheck-config-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content)
  return directory
}

/** The problems of a text, formatted, without the directory. */
export async function problemsOf(text: string | Uint8Array, env: NodeJS.ProcessEnv = {}, files: Files = {}) {
  const directory = await directoryOf({ ...files, 'pulsecheck.yml': text })
  const loaded = await loadConfig({ file: join(directory, 'pulsecheck.yml'), env, kinds })
  return loaded.ok ? [] : loaded.problems.map(formatProblem).map(line => line.replaceAll(`${directory}/`, ''))
}

/** The config of a text that has no problems. */
export async function configOf(
  text: string,
  env: NodeJS.ProcessEnv = {},
  files: Files = {},
): Promise<Config> {
  const directory = await directoryOf({ ...files, 'pulsecheck.yml': text })
  const loaded = await loadConfig({ file: join(directory, 'pulsecheck.yml'), env, kinds })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.config
}
