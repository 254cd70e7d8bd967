/** Parameters of a bench: `--name=value` over the defaults. */
import { parseArgs } from 'node:util'

type Value = number | string | readonly number[]

/** Literal defaults stand for any value of their type. */
type Wide<T> = {
  [K in keyof T]: T[K] extends number ? number : T[K] extends string ? string : readonly number[]
}

/**
 * The defaults, with what the command line says in place of them; a list is written with commas.
 *
 * @throws TypeError for an unknown name, or a value that is no positive number where the default is one.
 */
export function parameters<T extends Readonly<Record<string, Value>>>(defaults: T): Wide<T> {
  const options = Object.fromEntries(Object.keys(defaults).map(name => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ options })
  const parsed = Object.entries(values).map(([name, text]) => [
    name,
    parse(name, String(text), defaults[name]),
  ])
  return { ...defaults, ...Object.fromEntries(parsed) } as Wide<T>
}

function parse(name: string, text: string, standard: Value | undefined): Value {
  if (typeof standard === 'string') return text
  if (typeof standard === 'number') return positive(name, text)
  return text.split(',').map(each => positive(name, each))
}

function positive(name: string, text: string): number {
  if (Number(text) > 0) return Number(text)
  throw new TypeError(`--${name}: ${text} is not a positive number`)
}
