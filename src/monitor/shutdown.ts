/** The end of a process under an orchestrator, for applications that want it done for them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkOptions } from '../config/values.ts'
import { parseDuration } from '../model/notation.ts'
import type { Monitor } from './interface.ts'
import { shutdownOptions } from './options.ts'

/** What happens between a signal and the end of the process. */
export interface ShutdownOptions {
  /** Closes what the application serves with; it may be async. It begins after the delay, and the monitor stops after it. */
  readonly close?: (() => unknown) | undefined
  /**
   * Time between "not ready" and `close`, in which load balancers take the process out: a Prometheus duration.
   * Default: 5s.
   */
  readonly delay?: string | undefined
  /** Default: SIGTERM alone. */
  readonly signals?: readonly NodeJS.Signals[] | undefined
}

/** The signal handlers, and what came of them. */
export interface Shutdown extends Disposable {
  /** Resolves when all is closed; rejects with what `close` threw, after the monitor has stopped. */
  readonly finished: Promise<void>
  /** Takes the signal handlers off again. An end that is under way goes on. */
  [Symbol.dispose](): void
}

const defaultDelay = '5s'

/**
 * On the first signal: not ready at once, then the delay, then `close()`, then `monitor.stop()`. The process then ends by
 * itself, as nothing keeps it. A second signal ends it at once, as if nobody listened. This is the one function of
 * Pulsecheck that touches the process, and only if it is called.
 *
 * @throws TypeError for a delay that is no duration.
 */
export function shutdownOnSignal(
  monitor: Pick<Monitor, 'drain' | 'stop'>,
  options: ShutdownOptions = {},
): Shutdown {
  checkOptions('shutdownOnSignal', options, shutdownOptions)
  const { close = () => {}, delay = defaultDelay, signals = ['SIGTERM'] } = options
  const delayMs = parseDuration(delay)
  if (delayMs === undefined) throw new TypeError('delay: expected a duration with its unit, such as 5s')
  const { promise, resolve } = Promise.withResolvers<void>()
  const remove = () => {
    for (const signal of signals) process.off(signal, end)
  }
  const end = () => {
    remove()
    resolve(finish())
  }
  const finish = async () => {
    monitor.drain()
    await sleep(delayMs)
    try {
      await close()
    } finally {
      await monitor.stop()
    }
  }
  for (const signal of signals) process.on(signal, end)
  // If nobody awaits it, a failure of `close` is an unhandled rejection: Node.js prints it, and exits with code 1.
  return { finished: promise, [Symbol.dispose]: remove }
}
