/**
 * The twelve-factor way: without a file, the environment names the dependencies, a URL each. With a file, the file is
 * the whole truth and reads the environment through `${VAR}` alone; a variable that some other tool set can then
 * neither add a dependency nor change one.
 */
import type { Place, Report } from './problem.ts'
import { type Entry, join } from './tree.ts'

const wellKnown: ReadonlyMap<string, string> = new Map([
  ['DATABASE_URL', 'database'],
  ['REDIS_URL', 'redis'],
])
const prefix = 'PULSECHECK_DEPENDENCY_'

/**
 * The dependencies of an environment: `DATABASE_URL` is `database`, `REDIS_URL` is `redis`, and
 * `PULSECHECK_DEPENDENCY_ORDERS_DB` is `orders-db`. A variable that is set to nothing counts as not set. The place of
 * each is line 1 of its variable.
 */
export function readEnvironment(env: Readonly<NodeJS.ProcessEnv>, report: Report): Entry {
  const entries = new Map<string, Entry>()
  for (const variable of Object.keys(env).sort()) {
    const name = wellKnown.get(variable) ?? nameOf(variable)
    const value = env[variable]
    if (name === undefined || value === undefined || value === '') continue
    const place: Place = { file: variable, line: 1, column: 1 }
    const first = entries.get(name)
    if (first !== undefined) {
      const message = `this name is also set by ${first.place.file}`
      report({ ...place, path: join('dependencies', name), message })
    } else
      entries.set(name, {
        written: name,
        place,
        value: { type: 'leaf', place, value, plain: false, hidden: true },
      })
  }
  const place: Place = { file: 'environment', line: 1, column: 1 }
  return { written: 'dependencies', place, value: { type: 'branch', place, entries } }
}

function nameOf(variable: string): string | undefined {
  if (!variable.startsWith(prefix)) return undefined
  return variable.slice(prefix.length).toLowerCase().replaceAll('_', '-')
}
