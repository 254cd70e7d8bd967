/** `pulsecheck init`: a first config, from what the environment names. */
import { writeFile } from 'node:fs/promises'
import { readEnvironment } from '../config/environment.ts'
import { formatProblem, loadConfig, type Problem } from '../config/index.ts'
import { kinds } from '../kinds/index.ts'
import { Exit, exitCodes } from './exit.ts'
import { configText, type Found } from './init-text.ts'
import { print } from './output.ts'

/**
 * Writes the file and says what is in it. It refers to variables and never holds their values.
 *
 * @param file `-` is standard output.
 * @throws Exit 2 if the file is there already and may not be overwritten, or cannot be written.
 */
export async function init(file: string, force: boolean): Promise<void> {
  const found = await findAll(process.env)
  const text = configText(found)
  if (file === '-') return await print(process.stdout, text)
  await write(file, text, force)
  const used = found.filter(({ problem }) => problem === undefined).map(({ variable }) => variable)
  const origin = used.length === 0 ? 'an example, since the environment names none' : used.join(', ')
  const next = `pulsecheck validate ${file}; pulsecheck check --config.file ${file}`
  await print(process.stdout, `${file}: written, from ${origin}\nNext: ${next}\n`)
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'it is there already; --force overwrites it' : `cannot be written (${code})`
    throw new Exit(exitCodes.usage, [`error: ${file}: ${why}`])
  }
}

/** Each variable on its own, so that one that is wrong does not hide the others. */
async function findAll(env: NodeJS.ProcessEnv): Promise<readonly Found[]> {
  const twice: Found[] = []
  const report = (problem: Problem) =>
    void twice.push({ name: problem.path, variable: problem.file, problem: formatProblem(problem) })
  const { value } = readEnvironment(env, report)
  const entries = value.type === 'branch' ? [...value.entries] : []
  const found = await Promise.all(entries.map(([name, { place }]) => examine(name, place.file, env)))
  return [...found, ...twice]
}

async function examine(name: string, variable: string, env: NodeJS.ProcessEnv): Promise<Found> {
  const loaded = await loadConfig({ env: { [variable]: env[variable] }, kinds })
  if (!loaded.ok) return { name, variable, problem: loaded.problems.map(formatProblem).join('; ') }
  const kind = loaded.config.dependencies[0]?.dependency.kind
  return { name, variable, kind }
}
