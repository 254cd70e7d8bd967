/**
 * How asynchronous work takes turns: calls that must not overlap, long loops that leave the event loop free, and
 * waiting that ends with a signal.
 */
import { setImmediate as turn } from 'node:timers/promises'

type Run<T> = () => Promise<T>

/** Calls that come while `run` is under way share its outcome. */
export function share<T>(run: Run<T>): Run<T> {
  let flight: Promise<T> | undefined
  return () => {
    flight ??= run().finally(() => {
      flight = undefined
    })
    return flight
  }
}

/** Calls that come while `run` is under way share one more run after it, since they may ask for something newer. */
export function coalesce<T>(run: Run<T>): Run<T> {
  let running: Promise<T> | undefined
  let waiting: Promise<T> | undefined
  const start = () => {
    waiting = undefined
    running = run().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    waiting ??= running.then(start, start)
    return waiting
  }
}

/** Returns a function that runs what it is given in the order of the calls, one after the other. */
export function createSequence(): <T>(run: Run<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return run => {
    const next = last.then(run)
    last = next.catch(() => {})
    return next
  }
}

/** Long enough to make progress, short enough that nobody notices: no block may exceed 10 ms. */
const sliceMs = 2

/** Handles each item of a long list, and lets the event loop turn once after every `sliceMs` of work. */
export async function forEachInSlices<T>(items: Iterable<T>, handle: (item: T) => void): Promise<void> {
  const breathe = createBreather()
  for (const item of items) {
    handle(item)
    const pause = breathe()
    if (pause !== undefined) await pause
  }
}

/** Returns a function to await in a long loop. It lets the event loop turn once after every `sliceMs` of work. */
export function createBreather(): () => Promise<void> | undefined {
  let started = performance.now()
  return () => {
    if (performance.now() - started < sliceMs) return
    return turn().then(() => {
      started = performance.now()
    })
  }
}

/** Resolves and rejects as the work does, or rejects when the signal aborts. The work goes on by itself then. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
