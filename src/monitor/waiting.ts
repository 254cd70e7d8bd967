/** Waiting until a monitor is ready. */
import type { CheckFailure } from '../model/dependency.ts'
import { parseDuration } from '../model/notation.ts'
import type { TimerClock } from '../schedule/clock.ts'
import type { StateReader } from '../state/store.ts'
import type { Probes } from '../views/probes.ts'

/** How long to wait. */
export interface WaitOptions {
  /** A Prometheus duration such as `30s`. Default: 60s. */
  readonly timeout?: string | undefined
  /** Gives up at once. */
  readonly signal?: AbortSignal | undefined
}

/** What is known beside the names of those that are missing. */
export interface NotReadyErrorOptions extends ErrorOptions {
  /** The last results of those that have failed, by name. */
  readonly failures?: ReadonlyMap<string, CheckFailure> | undefined
}

/** It did not become ready: in time, or before it was stopped. */
export class NotReadyError extends Error {
  /** Always the same: what logs show. */
  override readonly name = 'NotReadyError'
  /** Critical dependencies that are not up, in the order of the configuration. */
  readonly waitingFor: readonly string[]
  /** The last results of those among them that have failed, by name. */
  readonly failures: ReadonlyMap<string, CheckFailure>

  /** @param why for people: `not ready within 30s`. */
  constructor(
    why: string,
    waitingFor: readonly string[],
    { failures = new Map(), ...options }: NotReadyErrorOptions = {},
  ) {
    const rest = waitingFor.length === 0 ? '' : `: ${waitingFor.join(', ')} not up`
    super([`${why}${rest}`, ...[...failures].map(describe)].join('; '), options)
    this.waitingFor = waitingFor
    this.failures = failures
  }
}

export interface Waiting {
  /** @throws NotReadyError; TypeError for a timeout that is no duration. */
  untilReady(options?: WaitOptions): Promise<void>
  /** Ends all waiting with an error. */
  giveUp(why: string): void
}

const defaultTimeout = '60s'

interface Watched {
  readonly state: StateReader
  readonly probes: Probes
  readonly clock: TimerClock
  /** Whether the monitor has been started, and not stopped since. */
  readonly isRunning: () => boolean
}

export function createWaiting({ state, probes, clock, isRunning }: Watched): Waiting {
  const waiting = new Set<(why: string, cause?: unknown) => void>()
  function missing(): readonly string[] {
    const checks = [...probes.readiness().checks]
    return checks.filter(([, { critical, status }]) => critical && status !== 'up').map(([name]) => name)
  }
  function failureNow(why: string, cause: unknown): NotReadyError {
    const names = missing()
    const failures = new Map<string, CheckFailure>()
    for (const name of names) {
      const last = state.get(name)?.last
      if (last?.ok === false) failures.set(name, last)
    }
    return new NotReadyError(why, names, { failures, ...(cause !== undefined && { cause }) })
  }

  return {
    async untilReady({ timeout = defaultTimeout, signal } = {}) {
      const ms = parseDuration(timeout)
      if (ms === undefined) throw new TypeError('timeout: expected a duration with its unit, such as 30s')
      if (probes.ready()) return
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const fail = (why: string, cause?: unknown) => reject(failureNow(why, cause))
      const abort = () => fail('given up', signal?.reason)
      const look = () => void (probes.ready() && resolve())
      waiting.add(fail)
      const leave = state.subscribe({ changed: look, removed: look, replaced: look })
      const cancel = clock.at(clock.now() + ms, () =>
        fail(`not ready within ${timeout}${isRunning() ? '' : ', as the monitor is not started'}`),
      )
      signal?.addEventListener('abort', abort)
      if (signal?.aborted) abort()
      try {
        await promise
      } finally {
        waiting.delete(fail)
        leave()
        cancel()
        signal?.removeEventListener('abort', abort)
      }
    },
    giveUp(why) {
      for (const fail of waiting) fail(why)
    },
  }
}

function describe([name, { reason, detail, message }]: readonly [string, CheckFailure]): string {
  return `${name}: ${reason === detail ? reason : `${reason} (${detail})`}: ${message}`
}
