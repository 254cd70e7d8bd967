/** Compares configurations without keeping their contents. */
import { createHash } from 'node:crypto'
import { isPlain, Secret } from './secret.ts'

/** Identifies a configuration without revealing secrets. Compare identities with `isSame`. */
export interface Identity {
  /** A hash of all plain data, including secrets. */
  readonly hash: string
  /** Everything else, by reference: functions, and objects such as a pool or a client of the application. */
  readonly references: readonly unknown[]
}

/**
 * The identity of a value. Plain data are texts, numbers, arrays, plain objects, secrets, and objects with a `toJSON`
 * method, such as patterns and dates.
 *
 * @param owners further values that it depends on, by reference.
 */
export function identify(value: unknown, owners: readonly unknown[] = []): Identity {
  const references = [...owners]
  const text = JSON.stringify(encode(value, references, []))
  const hash = createHash('sha256').update(text).digest('hex')
  return Object.freeze({ hash, references: Object.freeze(references) })
}

export function isSame(one: Identity, other: Identity): boolean {
  return (
    one.hash === other.hash &&
    one.references.length === other.references.length &&
    one.references.every((each, i) => Object.is(each, other.references[i]))
  )
}

/**
 * Puts the type in front of each value, so that a text cannot imitate another type. The order of keys does not matter.
 */
function encode(value: unknown, references: unknown[], parents: readonly unknown[]): unknown {
  if (value instanceof Secret) return ['secret', value.reveal()]
  if (!isObject(value)) return [typeof value, String(value)]
  const inner = (each: unknown) => encode(each, references, [...parents, value])
  if (parents.includes(value)) return refer(value, references)
  if (Array.isArray(value)) return ['array', value.map(inner)]
  if (isPlain(value)) return ['object', entriesOf(value).map(([key, each]) => [key, inner(each)])]
  return hasJson(value) ? ['json', inner(value.toJSON())] : refer(value, references)
}

function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null)
}

function refer(value: unknown, references: unknown[]): unknown {
  return ['reference', references.push(value)]
}

function entriesOf(value: Readonly<Record<string, unknown>>): readonly [string, unknown][] {
  const given = Object.entries(value).filter(([, each]) => each !== undefined)
  return given.sort(([a], [b]) => (a < b ? -1 : 1))
}

function hasJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}
