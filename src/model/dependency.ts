/**
 * The vocabulary: what every room may know of every other. Types and closed sets only, and no behaviour beyond
 * the error by which a checker names its own failure.
 */

import type { Advice, Failures, Reason } from './failure.ts'
import type { Identity } from './identity.ts'

/** The parts of a check's time, in the order in which they pass. */
export const phases = ['dns', 'connect', 'tls', 'auth', 'request', 'transfer'] as const
/** A part of a check's time: one of `phases`. */
export type Phase = (typeof phases)[number]

/** Why a check was not run, through our own fault: never the dependency's failure. */
export const skipCauses = ['overlap', 'lag', 'overload'] as const
/** Why a check was not run: one of `skipCauses`. */
export type SkipCause = (typeof skipCauses)[number]

/** The settled verdict on a dependency. */
export const statuses = ['unknown', 'up', 'down'] as const
/** The settled verdict on a dependency: one of `statuses`. */
export type Status = (typeof statuses)[number]

/** Milliseconds spent in each phase that the check entered. */
export type Phases = Readonly<Partial<Record<Phase, number>>>

/** Numbers that a kind reports beside ok, in base units; the name ends in its unit: `replication_lag_seconds`. */
export type Measurements = Readonly<Record<string, number>>

/** Earliest expiry of the presented certificate chain, in Unix seconds: the one measurement that every kind shares. */
export const tlsNotAfter = 'tls_not_after_timestamp_seconds'

/** The HELP texts of a kind's measurements, by name. */
export type MeasurementHelp = Readonly<Record<string, string>>

/** An IP address, as a host name resolves to it. */
export interface Address {
  /** Without brackets: `10.0.0.1` or `fd00::1`. */
  readonly address: string
  /** 4 or 6. */
  readonly family: number
}

/** All that one check may use of the world: its deadline, names, phases, measurements and trace. */
export interface CheckContext {
  /** Aborts at the deadline, and when nobody wants the result any more. */
  readonly signal: AbortSignal
  /** The deadline in milliseconds, to set limits on the server's side a little inside it. */
  readonly timeoutMs: number
  /** Gives the addresses of a host name or an IP address, in the order in which to try them. */
  resolve(host: string): Promise<readonly Address[]>
  /** Ends the phase before, if any, and starts this one. A phase entered twice adds up. */
  enter(phase: Phase): void
  /** Reports a number. It is kept even if the check then fails; the last value of a name counts. */
  measure(name: string, value: number): void
  /** Returns a W3C `traceparent` for the requests of this check, the same at each call. The result keeps its trace id. */
  traceparent(): string
  /**
   * Sets what the result is if the deadline passes before the check ends, in place of a timeout: a server that has
   * answered, but not as expected, is not silent. The last one counts; undefined takes it back.
   */
  presume(failure: CheckError | undefined): void
}

/** The live object that can ask. It owns its client or socket. */
export interface Checker {
  /**
   * Resolves when the dependency works; throws when it does not. Lets go of all that it holds when the signal
   * aborts. Never called again before it has settled.
   */
  check(context: CheckContext): Promise<void>
  /** Lets go of what outlives a check. Called once, after the last check, by whoever opened it. */
  close?(): Promise<void>
}

/** A configured, named thing that the service needs: plain data, and all that state, views and server know of it. */
export interface Dependency {
  /** Its name in the configuration, and the label `dependency`. */
  readonly name: string
  /** The name of its kind, and the label `kind`. */
  readonly kind: string
  /** What is asked, printable and free of secrets: `db:5432/orders`. */
  readonly target: string
  /** The service is not ready without it. */
  readonly critical: boolean
  /** The user's labels; they go to `dependency_info` alone. */
  readonly labels: Readonly<Record<string, string>>
  /** Milliseconds between two checks. */
  readonly intervalMs: number
  /** Deadline of one check, in milliseconds. */
  readonly timeoutMs: number
  /** Milliseconds to the next check after a result that contradicts the status. */
  readonly confirmIntervalMs: number
  /** Failures in a row that make it down. */
  readonly failureThreshold: number
  /** Successes in a row that make it up again. */
  readonly successThreshold: number
  /** Age of the last result in milliseconds from which on the status is unknown. */
  readonly staleAfterMs: number
  /** Objective of availability, as a ratio; undefined where there is none. */
  readonly slo?: number | undefined
  /** Objective of the 99th percentile of the check duration; undefined where there is none. */
  readonly latencySloMs?: number | undefined
  /** The HELP texts of what its kind measures, by name. */
  readonly measurementHelp: MeasurementHelp
}

/** A dependency with all that it takes to ask it: for the schedule, and for whoever asks once. */
export interface DependencyDefinition {
  /** What views and verdicts know of it. */
  readonly dependency: Dependency
  /** Tells two configurations of one name apart, secrets included, without showing them. */
  readonly identity: Identity
  /** The failures that its kind declares. */
  readonly failures: Failures
  /** Replaces every secret of this dependency in a text that came from outside. */
  redact(text: string): string
  /** Returns a new checker. No I/O yet. */
  open(): Checker
}

interface Completed {
  /** Wall time of completion, in Unix milliseconds. For showing only. */
  readonly at: number
  /** The same moment on the monotonic clock, in milliseconds. For ages and intervals. */
  readonly monotonicAt: number
  /** Milliseconds from the start of the check to its end. */
  readonly durationMs: number
  /** Milliseconds in each phase that the check entered. */
  readonly phases: Phases
  /** What the check measured, whether or not it failed. */
  readonly measurements: Measurements
  /** The W3C trace id that the check sent, if it sent one: 32 hex digits. */
  readonly traceId?: string | undefined
}

/** A check that found the dependency working. */
export interface CheckSuccess extends Completed {
  /** Tells it from a failure. */
  readonly ok: true
}

/** A check that found the dependency not working. */
export interface CheckFailure extends Completed {
  /** Tells it from a success. */
  readonly ok: false
  /** Why it failed: from a closed set, safe as a label. */
  readonly reason: Reason
  /** A short code from a bounded vocabulary: `ECONNREFUSED`, `http_503`, `57P03`, `LOADING`. */
  readonly detail: string
  /** For people; free of secrets; never a label. */
  readonly message: string
  /** Undefined if neither the kind nor all kinds together declare this detail: an application's check names its own. */
  readonly advice?: Advice | undefined
}

/** The outcome of one completed check. */
export type CheckResult = CheckSuccess | CheckFailure

/** Checks that were due and did not count, through our own fault. */
export interface CheckSkipped {
  /** Why they did not count. */
  readonly skipped: SkipCause
  /** How many at once: after a suspension, all that fell into it. */
  readonly count: number
}

/** What came of a check that was due. */
export type CheckOutcome = CheckResult | CheckSkipped

const brand = Symbol.for('pulsecheck.CheckError')

/** A failure that only the checker can name: an auth refusal, a wrong role, a failed expectation. */
export class CheckError extends Error {
  /** Of any copy of this package: a kind of an application may come with its own. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value
  }

  /** Always the same: what logs show. */
  override readonly name = 'CheckError'
  /** Why the check failed: from a closed set, safe as a label. */
  readonly reason: Reason
  /** A short code from a bounded vocabulary, such as `queue_full`. */
  readonly detail: string

  /** @param message for people; without secrets. */
  constructor(reason: Reason, detail: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
    this.detail = detail
  }

  get [brand](): true {
    return true
  }
}

/** Time, handed in. Intervals, ages and durations use `now`; only shown timestamps use `wall`. */
export interface Clock {
  /** Monotonic milliseconds, with a fraction. */
  now(): number
  /** Unix milliseconds. */
  wall(): number
}
