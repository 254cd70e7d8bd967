/**
 * What a kind is, and how it is declared. Its types name no library: applications compile against them with whatever
 * version of a schema library they have, or with none.
 */
import type { Checker, MeasurementHelp } from './dependency.ts'
import type { Failures } from './failure.ts'

/**
 * How options are read: version 1 of Standard Schema (https://standardschema.dev), which zod, valibot, arktype and others
 * implement. A kind's schema must be synchronous: one that returns a promise is refused.
 */
export interface OptionsSchema<Input = unknown, Output = unknown> {
  /** What the standard asks for. Its types exist for the compiler alone. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => OptionsReading<Output> | Promise<OptionsReading<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** The parsed options, or every problem. */
export type OptionsReading<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly OptionsIssue[] }

/** A problem of options, as a schema reports it. */
export interface OptionsIssue {
  /** For people. */
  readonly message: string
  /** The keys that lead to the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** One sort of dependency: how to read its options, and how to open a checker for them. */
export interface Kind<Options = object> {
  /** The value of `kind` in the config, the label, and the middle of its measurements' metric names. */
  readonly name: string
  /** Reads this kind's own keys; should refuse keys that it does not know. Missing: it has none. */
  readonly options?: OptionsSchema
  /** Typical options without secrets, for tests and, through the JSON Schema, for editors. */
  readonly example?: Readonly<Record<string, unknown>>
  /** URL schemes that mean this kind in the one-line form: `['postgres', 'postgresql']`. */
  readonly schemes?: readonly string[]
  /** Extra gauges: measurement name to HELP. Exported as `dependency_<kind>_<name>`. */
  readonly measurements?: MeasurementHelp
  /** The failures that this kind names, beside those that are common to all kinds. */
  readonly failures?: Failures
  /** Returns what is asked, printable and free of secrets: `db:5432/orders`. Empty: the name of the dependency. */
  target(options: Options): string
  /** Returns a checker for these options. No I/O yet. */
  open(options: Options): Checker
}

/** The keys that every dependency has, as they are written: in YAML, and in TypeScript. Durations are texts such as `15s`. */
export interface SettingsInput {
  /** Time between two checks: a Prometheus duration such as `500ms`, `15s` or `1m30s`. Default 15s. */
  readonly interval?: string | undefined
  /** Deadline of one check, such as `2s`; at most the interval. Default 3s. */
  readonly timeout?: string | undefined
  /** Time to the next check after a result that contradicts the status, such as `1s`. Default: min(interval, 1s). */
  readonly confirmInterval?: string | undefined
  /** Failures in a row that make it down. Default 2. */
  readonly failureThreshold?: number | undefined
  /** Successes in a row that make it up again. Default 1. */
  readonly successThreshold?: number | undefined
  /** Age of the last result from which on the status is unknown, such as `1m`. Default: 2 × interval + timeout. */
  readonly staleAfter?: string | undefined
  /** The service is not ready without it. Default true. */
  readonly critical?: boolean | undefined
  /** false: read and validated, but never checked or shown. Default true. */
  readonly enabled?: boolean | undefined
  /** Labels of your own; they go to `dependency_info` alone. */
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** A kind with the options of one dependency, which has no name yet. */
export interface DependencyOptions {
  /** What reads the options, and asks. */
  readonly kind: Kind
  /** In the words of the YAML file; checked when a name is given. */
  readonly options: unknown
}

/**
 * A kind that is also a function: `postgres({ url, interval: '5s' })` gives the options of one dependency, and an
 * option that is misspelt or of a wrong type does not compile.
 */
export type KindFactory<Input = object> = Kind & ((options: Input & SettingsInput) => DependencyOptions)

/** A kind as it is declared, with the types of its options inferred from its schema. */
export type KindDeclaration<Schema extends OptionsSchema> = Omit<
  Kind<OutputOf<Schema>>,
  'options' | 'example' | 'target' | 'open'
> & {
  /** Reads this kind's own keys. Missing: it has none. */
  readonly options?: Schema
  /** Options as somebody would write them, without secrets. */
  readonly example?: TypesOf<Schema>['input']
  /** Returns what is asked, printable and free of secrets. */
  target(options: OutputOf<Schema>): string
  /** Returns a checker for these options. No I/O yet. */
  open(options: OutputOf<Schema>): Checker
}

type TypesOf<Schema extends OptionsSchema> = NonNullable<Schema['~standard']['types']>
type OutputOf<Schema extends OptionsSchema> = TypesOf<Schema>['output']

/**
 * The input of a schema written out, so that declarations name no type of a schema library. A schema without keys takes
 * `Record<string, never>`, which no other key could join.
 */
type InputOf<Schema extends OptionsSchema> = string extends keyof TypesOf<Schema>['input']
  ? object
  : Plain<TypesOf<Schema>['input']>

type Plain<T> = T extends string | number | boolean | null | undefined | ((...args: never) => unknown)
  ? T
  : T extends infer Whole
    ? { [Key in keyof Whole]: Plain<Whole[Key]> }
    : never

/**
 * Declares a kind.
 *
 * @returns the kind, which is also the function that gives the options of one dependency of it.
 */
export function defineKind<Schema extends OptionsSchema = OptionsSchema<object, object>>(
  kind: KindDeclaration<Schema>,
): KindFactory<InputOf<Schema>> {
  const made: Kind & Factory = giveProperties(options => ({ kind: made, options }), kind)
  return made
}

type Factory = (options: unknown) => DependencyOptions

/** Gives a function the properties of a kind. */
function giveProperties(factory: Factory, kind: object): Kind & Factory {
  return Object.defineProperties(factory, Object.getOwnPropertyDescriptors(kind)) as Kind & Factory
}

/** What a kind has that can also ask through a client of the application. */
export interface Borrowing {
  /** The kind of those options that have such a client. */
  readonly borrowed: Kind
  /** The option that holds it. */
  readonly clientKey: string
}

/** A kind that can also ask through a client of the application. */
export type BorrowingFactory<Input, BorrowedInput> = KindFactory<Input> &
  ((options: BorrowedInput & SettingsInput) => DependencyOptions) &
  Borrowing

/**
 * A kind that also asks through a client of the application: options that have `key` are those of `borrowed`. Only an
 * application can write them, so it is the other kind that a config file knows.
 */
export function withBorrowed<Input, BorrowedInput>(
  kind: KindFactory<Input>,
  key: keyof BorrowedInput,
  borrowed: KindFactory<BorrowedInput>,
): BorrowingFactory<Input, BorrowedInput> {
  const choose: Factory = options => {
    const isBorrowed = typeof options === 'object' && options !== null && key in options
    return { kind: isBorrowed ? borrowed : made, options }
  }
  const made = giveProperties(choose, kind)
  return Object.assign(made, { borrowed, clientKey: String(key) })
}
