/**
 * `${VAR}` and `${VAR:-default}` in values. `$$` is a literal `$`, and a `$` before anything else is itself. The
 * default counts as in a shell: when the variable is unset or empty. It ends at the first `}`. What the environment
 * gives is taken as it is: it is never expanded again, and it cannot become YAML.
 */
import type { Report } from './problem.ts'
import { type Leaf, mapLeaves, type Tree } from './tree.ts'

type Environment = Readonly<NodeJS.ProcessEnv>

const reference = /\$\$|\$\{([^}]*)(\}|$)/g
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s
const whole = /^\$\{[^}]*\}$/
const decimal = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/

/** The tree with every reference replaced. A variable that is not set is a problem that names it. */
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
  return {
    value: expanded.text,
    ...(expanded.references && { hidden: true }),
    ...(reading !== undefined && { reading }),
  }
}

interface Expansion {
  readonly text: string
  /** Whether anything came from the environment or from a default. */
  readonly references: boolean
  readonly problems: readonly { readonly message: string; readonly hint?: string }[]
}

function expand(source: string, env: Environment): Expansion {
  const problems: { message: string; hint?: string }[] = []
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

/** The decimal number or the boolean that a plain scalar says in the core schema of YAML 1.2, if it says one. */
function plainScalar(text: string): number | boolean | undefined {
  if (/^(?:true|True|TRUE)$/.test(text)) return true
  if (/^(?:false|False|FALSE)$/.test(text)) return false
  return decimal.test(text) ? Number(text) : undefined
}
