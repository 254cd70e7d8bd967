/** `pulsecheck init`: writes a first config, from the dependencies that the environment names. */
import { writeFile } from 'node:fs/promises'
import { readEnvironment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import { kinds } from '../kinds/index.ts'
import { Exit, exitCodes, print } from './ending.ts'

/**
 * Writes the file and prints what it contains. The file refers to variables and never holds their values.
 *
 * @param file `-` means standard output.
 * @throws Exit 2 if the file exists and `force` is not set, or if it cannot be written.
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

/** Examines each variable on its own, so that a wrong one does not hide the others. */
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

/** A variable that names a dependency, and the result of reading it. */
interface Found {
  readonly name: string
  readonly variable: string
  readonly kind?: string | undefined
  /** Why it cannot be used: one line that names the variable and contains no value. */
  readonly problem?: string
}

/** A valid config that refers to the variables. Unusable ones become comments; with no usable one, there is an example. */
function configText(found: readonly Found[]): string {
  const usable = found.filter(({ problem }) => problem === undefined)
  const lines = usable.length === 0 ? example : usable.map(line)
  const refused = found.filter(({ problem }) => problem !== undefined).map(refusal)
  return `${head}${[...lines, ...refused, ''].join('\n')}${tail}`
}

const head = `# The dependencies of this service. Pulsecheck checks them on schedule and serves the results as metrics, probes and a
# status page. Validate this file with "pulsecheck validate", and try it with "pulsecheck check".
# For completion in editors, run "pulsecheck schema > pulsecheck.schema.json" and remove one # from the next line.
## yaml-language-server: $schema=./pulsecheck.schema.json

# Default values for all dependencies.
defaults:
  interval: 15s          # time between two checks
  timeout: 3s            # deadline of a check
  failureThreshold: 2    # consecutive failures after which the status is down
  successThreshold: 1    # consecutive successes after which the status is up again

# The dependencies to check, by name: a URL whose scheme determines the kind. \${VAR} is replaced by an environment variable
# at startup. A missing variable is an error, unless there is a default: \${VAR:-default}. To configure more than a URL:
#
#   cache:
#     kind: redis
#     url: redis://cache:6379
#     passwordFile: /run/secrets/redis    # every secret can come from a file
#     critical: false                     # if it is down, the service is degraded but ready
dependencies:
`

const tail = `
server:
  listen: [":9797"]      # the page at /, /metrics, /healthz, /readyz, /startupz, /health
`

const example = [
  '  # An example, because none of DATABASE_URL, REDIS_URL and PULSECHECK_DEPENDENCY_<NAME> was set.',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's reference, not ours.
  '  database: ${DATABASE_URL:-postgres://app@localhost:5432/app}',
]

function line({ name, variable, kind }: Found): string {
  return `  ${key(name)}: \${${variable}}    # ${kind}`
}

function refusal({ problem }: Found): string {
  return `  # Left out: ${problem}`
}

/** Quoted where YAML would read a number, a boolean or null. */
function key(name: string): string {
  return /^[a-z][a-z0-9_.-]*$/.test(name) && !['true', 'false', 'null'].includes(name)
    ? name
    : JSON.stringify(name)
}
