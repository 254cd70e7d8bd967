/** One check under its deadline: the only owner of abort, timing and classification. */
import { randomBytes } from 'node:crypto'
import type {
  CheckContext,
  CheckError,
  Checker,
  CheckFailure,
  CheckOutcome,
  Clock,
  Measurements,
  Phase,
  Phases,
} from '../model/dependency.ts'
import type { Failures } from '../model/kind.ts'
import type { Stalls, TimerClock } from './clock.ts'
import { type Diagnosis, failureOf, findAdvice, ownFault, timeoutFailure } from './reason.ts'
import type { Resolve } from './resolve.ts'

export interface RunOptions {
  readonly timeoutMs: number
  /** Takes the secrets out of what a server or a driver said. */
  readonly redact: (text: string) => string
  /** The failures that the kind declares. Default: none beside those of all kinds. */
  readonly failures?: Failures | undefined
  readonly clock: TimerClock
  readonly stalls: Stalls
  readonly resolve: Resolve
}

/** A check under way. */
export interface Run {
  /** Comes at the deadline at the latest, and never rejects. */
  readonly outcome: Promise<CheckOutcome>
  /** The checker itself has come back; it may be later than the outcome if it ignores its abort. */
  readonly settled: Promise<void>
  /** Gives up: the checker lets go, and the outcome comes at once and counts nothing. */
  abort(): void
}

/** The reason of every abort, made once: the one that `abort()` makes has a stack, which costs more than a `PING`. */
const over = new Error('the check is over')

type Answer = { readonly ok: true } | { readonly ok: false; readonly error: unknown }

/** Messages are for one line of a page or a log. */
const maxMessageLength = 500

/**
 * Asks once. The deadline counts only time in which our own loop turned: it moves on by what a stall took, and when
 * stalls took more than the whole timeout, the check says nothing about the dependency and counts as skipped.
 */
export function run(checker: Checker, options: RunOptions): Run {
  const { clock, stalls, timeoutMs } = options
  const controller = new AbortController()
  const trace = createTrace(clock)
  const startedAt = clock.now()
  const stalledBefore = stalls.total()
  const answer = answerOf(checker, contextOf(controller.signal, trace, options))
  const { promise: outcome, resolve } = Promise.withResolvers<CheckOutcome>()
  let open = true
  const conclude = (outcome: CheckOutcome) => {
    open = false
    cancel()
    resolve(outcome)
    controller.abort(over)
  }
  const expire = async () => {
    // Timers fire before sockets are read: the answer may be waiting behind us.
    await clock.turn()
    if (!open) return
    const stalled = stalls.total() - stalledBefore
    const deadline = startedAt + timeoutMs + stalled
    if (stalled > timeoutMs) conclude({ skipped: 'lag', count: 1 })
    else if (clock.now() < deadline) cancel = clock.at(deadline, expire)
    else conclude(fail(diagnoseExpiry(trace, timeoutMs), timeoutMs, trace, options))
  }
  let cancel = clock.at(startedAt + timeoutMs, expire)
  answer.then(answer => open && conclude(judge(answer, trace, startedAt, options)))
  return {
    outcome,
    settled: answer.then(() => {}),
    abort: () => open && conclude({ skipped: 'overload', count: 0 }),
  }
}

/** The checker's answer as a value; a checker that throws before its first await is caught as well. */
async function answerOf(checker: Checker, context: CheckContext): Promise<Answer> {
  try {
    await checker.check(context)
    return { ok: true }
  } catch (error) {
    return { ok: false, error }
  }
}

function contextOf(signal: AbortSignal, trace: Trace, { timeoutMs, resolve }: RunOptions): CheckContext {
  const { enter, measure, traceparent, presume } = trace
  return {
    signal,
    timeoutMs,
    resolve: host => resolve(host, signal),
    enter,
    measure,
    traceparent,
    presume,
  }
}

function judge(answer: Answer, trace: Trace, startedAt: number, options: RunOptions): CheckOutcome {
  const durationMs = options.clock.now() - startedAt
  if (answer.ok) return { ok: true, ...moment(options.clock), durationMs, ...trace.read() }
  const cause = ownFault(answer.error)
  return cause === undefined
    ? fail(failureOf(answer.error), durationMs, trace, options)
    : { skipped: cause, count: 1 }
}

/** What a passed deadline stands for: what the checker presumed by then, or silence. */
function diagnoseExpiry(trace: Trace, timeoutMs: number): Diagnosis {
  const presumed = trace.presumed()
  return presumed === undefined ? timeoutFailure(trace.phase(), timeoutMs) : failureOf(presumed)
}

/** A timeout counts as the whole timeout, also where the server noticed it a moment before us. */
function fail(diagnosis: Diagnosis, tookMs: number, trace: Trace, options: RunOptions): CheckFailure {
  const { reason } = diagnosis
  const durationMs = reason === 'timeout' ? options.timeoutMs : tookMs
  const detail = toLine(options.redact(diagnosis.detail))
  const message = toLine(options.redact(diagnosis.message))
  const advice = findAdvice(diagnosis, options.failures)
  return { ok: false, ...moment(options.clock), durationMs, ...trace.read(), reason, detail, message, advice }
}

function moment(clock: TimerClock): { at: number; monotonicAt: number } {
  return { at: clock.wall(), monotonicAt: clock.now() }
}

/** One line of bounded length: what a server says must not forge log lines or move a terminal's cursor. */
function toLine(text: string): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
  return line.length <= maxMessageLength ? line : `${line.slice(0, maxMessageLength - 1)}…`
}

/** The part of a check's context that records. */
type Recording = Pick<CheckContext, 'enter' | 'measure' | 'traceparent' | 'presume'>

export interface Trace extends Recording {
  /** The phase that the check is in. */
  phase(): Phase | undefined
  /** The failure that a passed deadline stands for, if the checker has presumed one. */
  presumed(): CheckError | undefined
  /** All that was told until now; the current phase ends here. */
  read(): { phases: Phases; measurements: Measurements; traceId: string | undefined }
}

export function createTrace(clock: Clock): Trace {
  const phases: Partial<Record<Phase, number>> = {}
  const measurements: Record<string, number> = {}
  let current: Phase | undefined
  let enteredAt = 0
  let traceId: string | undefined
  let presumed: CheckError | undefined
  const leave = () => {
    if (current !== undefined) phases[current] = (phases[current] ?? 0) + clock.now() - enteredAt
    enteredAt = clock.now()
  }
  return {
    phase: () => current,
    presumed: () => presumed,
    presume(failure) {
      presumed = failure
    },
    enter(phase) {
      leave()
      current = phase
    },
    measure(name, value) {
      measurements[name] = value
    },
    // Version 00, a random parent id, sampled: W3C Trace Context, section 3.2.
    traceparent() {
      traceId ??= randomBytes(16).toString('hex')
      return `00-${traceId}-${traceId.slice(0, 16)}-01`
    },
    read() {
      leave()
      return { phases: { ...phases }, measurements: { ...measurements }, traceId }
    },
  }
}
