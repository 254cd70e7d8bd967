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
import type { Failures } from '../model/failure.ts'
import type { Stalls, TimerClock } from './clock.ts'
import { type Diagnosis, failureOf, findAdvice, ownFault, timeoutFailure } from './reason.ts'
import type { Resolve } from './resolve.ts'

interface RunOptions {
  readonly timeoutMs: number
  /** Removes secrets from the words of a server or a driver. */
  readonly redact: (text: string) => string
  /** The failures that the kind declares. Default: none beside those of all kinds. */
  readonly failures?: Failures | undefined
  readonly clock: TimerClock
  readonly stalls: Stalls
  readonly resolve: Resolve
}

/** A check in progress. */
export interface Run {
  /** Resolves at the deadline at the latest. Never rejects. */
  readonly outcome: Promise<CheckOutcome>
  /** Resolves when the checker has returned, which is later than the outcome if it ignores its abort. */
  readonly settled: Promise<void>
  /** Gives up: the checker is aborted, and the outcome resolves at once as a skip that counts as none. */
  abort(): void
}

/** The reason of every abort. Created once, because capturing a stack on each `abort()` costs more than a `PING`. */
const over = new Error('the check is over')

type Answer = { readonly ok: true } | { readonly ok: false; readonly error: unknown }

/** A message has to fit on one line of a page or a log. */
const maxMessageLength = 500

/**
 * Runs one check. The deadline counts only time in which our own event loop was turning: a stall extends it. If stalls took
 * more than the whole timeout, the check says nothing about the dependency and counts as skipped.
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
    // Timers fire before sockets are read, so the answer may already be waiting.
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

/** The checker's answer as a value, including what it throws before its first await. */
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

/** What a passed deadline means: the failure that the checker presumed, or else a timeout. */
function diagnoseExpiry(trace: Trace, timeoutMs: number): Diagnosis {
  const presumed = trace.presumed()
  return presumed === undefined ? timeoutFailure(trace.phase(), timeoutMs) : failureOf(presumed)
}

/** A timeout always lasts the whole timeout, even if the server noticed it a moment earlier. */
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

/** One line of bounded length, so that a server's text can neither forge log lines nor move a terminal's cursor. */
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
  /** All that has been recorded so far. Ends the current phase. */
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
