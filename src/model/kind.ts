/** What a kind is, and how it is declared. */
import type { z } from 'zod'
import type { Checker, Reason } from './dependency.ts'
import type { SettingsInput } from './settings.ts'

/** The HELP texts of a kind's measurements, by name. */
export type MeasurementHelp = Readonly<Record<string, string>>

/** What a failure means for people: its reason, what has happened, and what to do about it. */
export type Failure = readonly [reason: Reason, meaning: string, remedy: string]

/**
 * Failures by detail. In a key, `*` stands for any text and `?` for one character, as in `28*`, `http_*` and `?????`; of
 * the keys that fit, the one with the most literal characters counts. A detail with several reasons has a list; its first
 * entry is the one that the detail stands for when nothing else is known.
 */
export type Failures = Readonly<Record<string, Failure | readonly [Failure, ...Failure[]]>>

/** One sort of dependency: how to read its options, and how to open a checker for them. */
export interface Kind<Schema extends z.ZodObject = z.ZodObject> {
  /** The value of `kind` in the config, the label, and the middle of its measurements' metric names. */
  readonly name: string
  /** This kind's own keys, strict, each with a description. */
  readonly options: Schema
  /** Options as somebody would write them, without secrets: for editors, by way of the JSON Schema, and for tests. */
  readonly example?: z.input<Schema>
  /** URL schemes that mean this kind in the one-line form: `['postgres', 'postgresql']`. */
  readonly schemes?: readonly string[]
  /** Extra gauges: measurement name to HELP. Exported as `dependency_<kind>_<name>`. */
  readonly measurements?: MeasurementHelp
  /** The failures that this kind names, beside those that are common to all kinds. */
  readonly failures?: Failures
  /** Returns what is asked, printable and free of secrets: `db:5432/orders`. */
  target(options: z.output<Schema>): string
  /** Returns a checker for these options. No I/O yet. */
  open(options: z.output<Schema>): Checker
}

/** A kind with the options of one dependency, which has no name yet. */
export interface DependencyOptions {
  readonly kind: Kind
  /** In the words of the YAML file; checked when a name is given. */
  readonly options: unknown
}

/**
 * A kind that is also a function: `postgres({ url, interval: '5s' })` gives the options of one dependency, and an
 * option that is misspelt or of a wrong type does not compile.
 */
export type KindFactory<Schema extends z.ZodObject = z.ZodObject> = Kind<Schema> &
  ((options: OwnInput<Schema> & SettingsInput) => DependencyOptions)

/** The keys of a schema. The input of one without keys is a record that has none, which no other key could join. */
type OwnInput<Schema extends z.ZodObject> = Pick<
  z.input<Schema>,
  keyof Schema['shape'] & keyof z.input<Schema>
>

/** Declares a kind, with the types of its options inferred from its schema. */
export function defineKind<Schema extends z.ZodObject>(kind: Kind<Schema>): KindFactory<Schema> {
  const factory = (options: unknown): DependencyOptions => ({ kind: factory as unknown as Kind, options })
  return Object.defineProperties(factory, Object.getOwnPropertyDescriptors(kind)) as KindFactory<Schema>
}

/** All that a detail can mean, by the key that fits it best; empty if these declare no such detail. */
export function failuresOf(failures: Failures, detail: string): readonly Failure[] {
  const exact = Object.hasOwn(failures, detail) ? failures[detail] : undefined
  if (exact !== undefined) return listed(exact)
  const patterns = Object.entries(failures).filter(([key]) => isPattern(key) && fits(key, detail))
  const [best] = patterns.sort(([a], [b]) => literals(b) - literals(a))
  return best === undefined ? [] : listed(best[1])
}

/** The failure that a detail stands for, if these declare it. */
export function findFailure(failures: Failures, detail: string): Failure | undefined {
  return failuresOf(failures, detail)[0]
}

/** A declaration as a list. */
export function listed(declared: Failures[string]): readonly Failure[] {
  return isOne(declared) ? [declared] : declared
}

function isOne(declared: Failures[string]): declared is Failure {
  return typeof declared[0] === 'string'
}

function isPattern(key: string): boolean {
  return /[*?]/.test(key)
}

function fits(pattern: string, detail: string): boolean {
  const source = pattern.replace(/\W/g, sign => wildcards.get(sign) ?? `\\${sign}`)
  return new RegExp(`^${source}$`, 's').test(detail)
}

const wildcards: ReadonlyMap<string, string> = new Map([
  ['*', '.*'],
  ['?', '.'],
])

function literals(pattern: string): number {
  return pattern.replace(/[*?]/g, '').length
}
