/** `pulsecheck init`: a first config, from what the environment names. */
import { writeFile } from 'node:fs/promises'
import { readEnvironment } from '../config/environment.ts'
import { formatProblem, loadConfig, type Problem } from '../config/index.ts'
import { kinds } from '../kinds/index.ts'
import { Exit, exitCodes } from './exit.ts'
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
    const why = code === 'EEXIST' ? 'it exists; --force overwrites it' : `cannot be written (${code})`
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

/** A variable that names a dependency, and what became of it. */
interface Found {
  readonly name: string
  readonly variable: string
  readonly kind?: string | undefined
  /** Why it cannot be used, in one line that names the variable and holds no value. */
  readonly problem?: string
}

/** A valid config that refers to the variables. Those that cannot be used are comments; without any, an example stands. */
function configText(found: readonly Found[]): string {
  const usable = found.filter(({ problem }) => problem === undefined)
  const lines = usable.length === 0 ? example : usable.map(line)
  const refused = found.filter(({ problem }) => problem !== undefined).map(refusal)
  return `${head}${[...lines, ...refused, ''].join('\n')}${tail}`
}

const head = `# Pulsecheck: what this service depends on. Each is checked on its own schedule; the results are served as
# metrics, probes and a status page. Look it over with "pulsecheck validate", try it with "pulsecheck check".
# Completion in editors: run "pulsecheck schema > pulsecheck.schema.json" and take one # off the next line.
## yaml-language-server: $schema=./pulsecheck.schema.json

# For every dependency below that does not say otherwise.
defaults:
  interval: 15s          # from one check to the next
  timeout: 3s            # deadline of one check
  failureThreshold: 2    # failures in a row that make it down
  successThreshold: 1    # successes in a row that make it up again

# A name, and a URL whose scheme names the kind. \${VAR} is read from the environment when the program starts; a
# variable that is missing is an error, \${VAR:-default} has a default. More options than a URL has room for:
#
#   cache:
#     kind: redis
#     url: redis://cache:6379
#     passwordFile: /run/secrets/redis    # every secret has a ...File twin
#     critical: false                     # without it the service is ready, but degraded
dependencies:
`

const tail = `
server:
  listen: [":9797"]      # the page at /, /metrics, /healthz, /readyz, /startupz, /health
`

const example = [
  '  # An example: neither DATABASE_URL, REDIS_URL nor PULSECHECK_DEPENDENCY_<NAME> was set.',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's reference, not ours.
  '  database: ${DATABASE_URL:-postgres://app@localhost:5432/app}',
]

function line({ name, variable, kind }: Found): string {
  return `  ${key(name)}: \${${variable}}    # ${kind}`
}

function refusal({ problem }: Found): string {
  return `  # Left out: ${problem}`
}

/** In quotes where YAML would read a number, a boolean or nothing. */
function key(name: string): string {
  return /^[a-z][a-z0-9_.-]*$/.test(name) && !['true', 'false', 'null'].includes(name)
    ? name
    : JSON.stringify(name)
}
