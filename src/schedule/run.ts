/** One check under its deadline: the only owner of abort, timing and classification. */
import type { CheckContext, Checker, CheckFailure, CheckOutcome } from '../model/dependency.ts'
import type { TimerClock } from './clock.ts'
import { type Failure, failureOf, ownFault, timeoutFailure } from './reason.ts'
import type { Resolve } from './resolve.ts'
import type { Stalls } from './stalls.ts'
import { createTrace, type Trace } from './trace.ts'

export interface RunOptions {
  readonly timeoutMs: number
  /** Takes the secrets out of what a server or a driver said. */
  readonly redact: (text: string) => string
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
    else conclude(failed(expired(trace, timeoutMs), timeoutMs, trace, options))
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
    ? failed(failureOf(answer.error), durationMs, trace, options)
    : { skipped: cause, count: 1 }
}

/** What a passed deadline stands for: what the checker presumed by then, or silence. */
function expired(trace: Trace, timeoutMs: number): Failure {
  const presumed = trace.presumed()
  return presumed === undefined ? timeoutFailure(trace.phase(), timeoutMs) : failureOf(presumed)
}

/** A timeout counts as the whole timeout, also where the server noticed it a moment before us. */
function failed(failure: Failure, tookMs: number, trace: Trace, options: RunOptions): CheckFailure {
  const { reason } = failure
  const durationMs = reason === 'timeout' ? options.timeoutMs : tookMs
  const detail = printable(options.redact(failure.detail))
  const message = printable(options.redact(failure.message))
  return { ok: false, ...moment(options.clock), durationMs, ...trace.read(), reason, detail, message }
}

function moment(clock: TimerClock): { at: number; monotonicAt: number } {
  return { at: clock.wall(), monotonicAt: clock.now() }
}

/** One line of bounded length: what a server says must not forge log lines or move a terminal's cursor. */
function printable(text: string): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
  return line.length <= maxMessageLength ? line : `${line.slice(0, maxMessageLength - 1)}…`
}
