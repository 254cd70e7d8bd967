/**
 * The vocabulary: what every room may know of every other. Types and closed sets only, and no behaviour beyond
 * the error by which a checker names its own failure.
 */
import type { z } from 'zod'

/** Why a check failed: a closed set, safe as a label value. `detail` says more, `message` says it to people. */
export const reasons = [
  'timeout',
  'connection_error',
  'dns_error',
  'tls_error',
  'auth_error',
  'protocol_error',
  'unhealthy',
  'error',
] as const
export type Reason = (typeof reasons)[number]

/** The parts of a check's time, in the order in which they pass. */
export const phases = ['dns', 'connect', 'tls', 'auth', 'request', 'transfer'] as const
export type Phase = (typeof phases)[number]

/** Why a check was not run, through our own fault: never the dependency's failure. */
export const skipCauses = ['overlap', 'lag', 'overload'] as const
export type SkipCause = (typeof skipCauses)[number]

/** The settled verdict on a dependency. */
export type Status = 'unknown' | 'up' | 'down'

/** Milliseconds spent in each phase that the check entered. */
export type Phases = Readonly<Partial<Record<Phase, number>>>

/** Numbers that a kind reports beside ok, in base units; the name ends in its unit: `replication_lag_seconds`. */
export type Measurements = Readonly<Record<string, number>>

/** Earliest expiry of the presented certificate chain, in Unix seconds: the one measurement that every kind shares. */
export const tlsNotAfter = 'tls_not_after_timestamp_seconds'

/** What a checker tells of a check while it runs. It is kept whether the check then succeeds or fails. */
export interface PhaseTrace {
  /** Ends the phase before, if any, and starts this one. A phase entered twice adds up. */
  enter(phase: Phase): void
  /** Keeps a number that holds even if the check fails later: a certificate's expiry. The last value counts. */
  measure(name: string, value: number): void
  /** A W3C `traceparent` for the request of this check. The same at each call; its trace id is kept in the result. */
  traceparent(): string
  /**
   * What the result is if the deadline passes before the check ends, in place of a timeout: a server that has answered,
   * but not as expected, is not silent. The last one counts; undefined takes it back.
   */
  presume(failure: CheckError | undefined): void
}

/** The live object that can ask. It owns its client or socket. */
export interface Checker {
  /**
   * Resolves when the dependency works; throws when it does not. Lets go of all that it holds when the signal
   * aborts. Never called again before it has settled.
   */
  check(signal: AbortSignal, trace: PhaseTrace): Promise<Measurements | void>
  /** Lets go of what outlives a check. Called once, after the last check. */
  close?(): Promise<void>
}

/**
 * Addresses of a host name or an IP address, in the order to try. Rejects with a `dns` error. An aborted signal means
 * that the caller no longer waits; it does not end the promise.
 */
export type Resolve = (
  host: string,
  signal?: AbortSignal,
) => Promise<readonly { readonly address: string; readonly family: number }[]>

/** What a checker may know of the world around it. */
export interface CheckerContext {
  /** The deadline of one check, in milliseconds: to set limits on the server's side a little inside it. */
  readonly timeoutMs: number
  readonly resolve: Resolve
}

/** One sort of dependency: how to read its options and how to open a checker for them. */
export interface Kind<Schema extends z.ZodObject = z.ZodObject> {
  /** Its name: the value of `kind` in the config, the label, and the middle of its measurements' metric names. */
  readonly kind: string
  /** This kind's own keys, strict, each with a description. */
  readonly options: Schema
  /** URL schemes that mean this kind in the one-line form: `['postgres', 'postgresql']`. */
  readonly schemes?: readonly string[]
  /** Extra gauges: measurement name → HELP. Exported as `dependency_<kind>_<name>`. */
  readonly measurements?: Measured
  /** What is asked, printable and free of secrets: `db:5432/orders`. */
  target(options: z.output<Schema>): string
  /** A checker for these options. No I/O yet. */
  open(options: z.output<Schema>, context: CheckerContext): Checker
}

/** The HELP texts of a kind's measurements, by name. */
export type Measured = Readonly<Record<string, string>>

/** Declares a kind: it is the value itself, with the types of its options inferred from its schema. */
export function defineKind<Schema extends z.ZodObject>(kind: Kind<Schema>): Kind<Schema> {
  return kind
}

/** A configured, named thing that the service needs: all that the rooms after the config know of it. */
export interface Dependency {
  readonly name: string
  readonly kind: string
  readonly target: string
  /** The service is not ready without it. */
  readonly critical: boolean
  /** The user's labels; they go to `dependency_info` alone. */
  readonly labels: Readonly<Record<string, string>>
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly confirmIntervalMs: number
  readonly failureThreshold: number
  readonly successThreshold: number
  readonly staleAfterMs: number
  readonly measured: Measured
  /** Tells two configurations of one name apart, secrets included, without showing them. */
  readonly fingerprint: string
  /** Replaces every secret of this dependency in a text that came from outside. */
  redact(text: string): string
  open(resolve: Resolve): Checker
}

interface Completed {
  /** Wall time of completion, in Unix milliseconds. For showing only. */
  readonly at: number
  /** The same moment on the monotonic clock, in milliseconds. For ages and intervals. */
  readonly monotonicAt: number
  readonly durationMs: number
  readonly phases: Phases
  readonly measurements: Measurements
  /** The W3C trace id that the check sent, if it sent one: 32 hex digits. */
  readonly traceId?: string
}

export interface CheckSuccess extends Completed {
  readonly ok: true
}

export interface CheckFailure extends Completed {
  readonly ok: false
  readonly reason: Reason
  /** A short code from a bounded vocabulary: `ECONNREFUSED`, `http_503`, `57P03`, `LOADING`. */
  readonly detail: string
  /** For people; free of secrets; never a label. */
  readonly message: string
}

/** The outcome of one completed check. */
export type CheckResult = CheckSuccess | CheckFailure

/** Checks that were due and did not count, through our own fault. */
export interface CheckSkipped {
  readonly skipped: SkipCause
  /** How many at once: after a suspension, all that fell into it. */
  readonly count: number
}

export type CheckOutcome = CheckResult | CheckSkipped

/** A failure that only the checker can name: an auth refusal, a wrong role, a failed expectation. */
export class CheckError extends Error {
  override readonly name = 'CheckError'
  readonly reason: Reason
  readonly detail: string

  constructor(reason: Reason, detail: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
    this.detail = detail
  }
}

/** Time, handed in. Intervals, ages and durations use `now`; only shown timestamps use `wall`. */
export interface Clock {
  /** Monotonic milliseconds, with a fraction. */
  now(): number
  /** Unix milliseconds. */
  wall(): number
}
