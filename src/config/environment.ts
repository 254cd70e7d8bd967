/** The environment in a configuration: the dependencies that it names, and `${VAR}` in values. */
import type { Place, Report } from './problem.ts'
import { type Entry, join, type Leaf, mapLeaves, type Tree } from './tree.ts'

const wellKnown: ReadonlyMap<string, string> = new Map([
  ['DATABASE_URL', 'database'],
  ['REDIS_URL', 'redis'],
])
const prefix = 'PULSECHECK_DEPENDENCY_'

/**
 * The dependencies of an environment, which count only where no file is given. A file is the whole truth and reads the
 * environment through `${VAR}` alone, so a variable set by another tool can neither add nor change a dependency there.
 * In an environment, `DATABASE_URL` is `database`, `REDIS_URL` is `redis`, and
 * `PULSECHECK_DEPENDENCY_ORDERS_DB` is `orders-db`. A variable that is empty counts as not set. The place of
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

type Environment = Readonly<NodeJS.ProcessEnv>

const reference = /\$\$|\$\{([^}]*)(\}|$)/g
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s
const whole = /^\$\{[^}]*\}$/
const decimal = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/

/**
 * Replaces `${VAR}` and `${VAR:-default}` in values. `$$` is a literal `$`, and a `$` before anything else is itself. As
 * in a shell, the default counts when the variable is unset or empty; it ends at the first `}`. A value from the
 * environment is literal: it is not expanded again, and it cannot become YAML. A variable that is not set is a problem.
 */
export function expandReferences(tree: Tree, path: string, env: Environment, report: Report): Tree {
  const change = (leaf: Leaf, leafPath: string): Leaf => {
    if (typeof leaf.value !== 'string' || !leaf.value.includes('$')) return leaf
    const expanded = expand(leaf.value, env)
    for (const message of expanded.problems) report({ ...leaf.place, path: leafPath, ...message })
    return { ...leaf, ...outcome(leaf, leaf.value, expanded) }
  }
  return mapLeaves(tree, change, path)
}

function outcome(leaf: Leaf, source: string, expanded: Expansion): Partial<Leaf> {
  if (expanded.problems.length > 0) return { value: '', broken: true }
  const reading = leaf.plain && whole.test(source) ? plainScalar(expanded.text) : undefined
  return { value: expanded.text, hidden: leaf.hidden === true || expanded.references, reading }
}

interface Expansion {
  readonly text: string
  /** Whether anything came from the environment or from a default. */
  readonly references: boolean
  readonly problems: readonly { readonly message: string; readonly hint: string }[]
}

function expand(source: string, env: Environment): Expansion {
  const problems: { message: string; hint: string }[] = []
  let references = false
  const text = source.replace(reference, (found, body: string | undefined, end: string | undefined) => {
    if (found === '$$') return '$'
    references = true
    const [, name, fallback] = end === '}' ? (inside.exec(body ?? '') ?? []) : []
    if (name === undefined) {
      problems.push({
        message: 'malformed reference',
        hint: `write \${NAME} or \${NAME:-default}, and $$ for a literal $`,
      })
      return ''
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined)
      problems.push({
        message: `environment variable ${name} is not set`,
        hint: `set it, or write \${${name}:-default}`,
      })
    return value ?? ''
  })
  return { text, references, problems }
}

/** The decimal number or boolean that a plain scalar stands for in the core schema of YAML 1.2, if any. */
function plainScalar(text: string): number | boolean | undefined {
  if (/^(?:true|True|TRUE)$/.test(text)) return true
  if (/^(?:false|False|FALSE)$/.test(text)) return false
  return decimal.test(text) ? Number(text) : undefined
}
