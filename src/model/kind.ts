/** What a kind is, and how it is declared. */
import type { z } from 'zod'
import type { Checker, Reason } from './dependency.ts'
import type { SettingsInput } from './settings.ts'

/** The HELP texts of a kind's measurements, by name. */
export type MeasurementHelp = Readonly<Record<string, string>>

/** What a failure means for people: its reason, what has happened, and what to do about it. */
export type Failure = readonly [reason: Reason, meaning: string, remedy: string]

/**
 * The failures that a kind names itself, by detail. A key that ends in `*` stands for every detail that begins so, for
 * codes of the server (`28*`, `http_*`); the longest key that fits counts.
 */
export type Failures = Readonly<Record<string, Failure>>

/** One sort of dependency: how to read its options, and how to open a checker for them. */
export interface Kind<Schema extends z.ZodObject = z.ZodObject> {
  /** The value of `kind` in the config, the label, and the middle of its measurements' metric names. */
  readonly name: string
  /** This kind's own keys, strict, each with a description. */
  readonly options: Schema
  /** URL schemes that mean this kind in the one-line form: `['postgres', 'postgresql']`. */
  readonly schemes?: readonly string[]
  /** Extra gauges: measurement name to HELP. Exported as `dependency_<kind>_<name>`. */
  readonly measurements?: MeasurementHelp
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
  ((options: z.input<Schema> & SettingsInput) => DependencyOptions)

/** Declares a kind, with the types of its options inferred from its schema. */
export function defineKind<Schema extends z.ZodObject>(kind: Kind<Schema>): KindFactory<Schema> {
  const factory = (options: unknown): DependencyOptions => ({ kind: factory as unknown as Kind, options })
  return Object.defineProperties(factory, Object.getOwnPropertyDescriptors(kind)) as KindFactory<Schema>
}

/** The failure that a detail stands for, if these declare it. */
export function findFailure(failures: Failures, detail: string): Failure | undefined {
  const exact = Object.hasOwn(failures, detail) ? failures[detail] : undefined
  if (exact !== undefined) return exact
  const patterns = Object.keys(failures).filter(
    key => key.endsWith('*') && detail.startsWith(key.slice(0, -1)),
  )
  const longest = patterns.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? undefined : failures[longest]
}
