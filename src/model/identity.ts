/** Whether two configurations are the same, without keeping what they say. */
import { createHash } from 'node:crypto'
import { isPlain, Secret } from './secret.ts'

/** What makes a configuration itself. Compare with `isSame`; it shows no secret. */
export interface Identity {
  /** Of all plain data, secrets included. */
  readonly hash: string
  /** All else, by reference: functions, and objects such as a pool or a client of the application. */
  readonly references: readonly unknown[]
}

/**
 * The identity of a value. Plain data are texts, numbers, arrays, plain objects, secrets, and objects that say how they
 * are written as JSON, such as patterns and dates.
 *
 * @param owners what it also depends on, by reference.
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

/** Each value with its sort in front, so that no text can pass for another sort. The order of keys is no difference. */
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
