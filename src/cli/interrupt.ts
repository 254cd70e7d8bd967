/** Signal handling. Until a command takes over, the launcher handles signals: SIGINT and SIGTERM end the process. */

/** The signals that reached the launcher. */
export interface EarlySignals {
  /** Whether SIGHUP was received. */
  hungUp(): boolean
}

/** The signals that end a command, and the exit code a shell reports for each. */
export const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** Makes this the only listener of the signal. It also gets one that was delivered but not yet dispatched. */
export function takeOver(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
  const before = process.listeners(signal)
  process.on(signal, listener)
  for (const each of before) process.off(signal, each)
}

/** Restores the default of SIGHUP, which is to end the process. If one was received before, the process ends now. */
export function endOnHangup({ hungUp }: EarlySignals): void {
  const end = () => endAtOnce('SIGHUP', 129)
  if (hungUp()) end()
  takeOver('SIGHUP', end)
}

/**
 * Ends the process by the signal's default action, which waits for nothing; `process.exit` would wait for a thread that
 * reads a file from a dead network share. The first process of a container has no default actions, so it exits instead.
 */
export function endAtOnce(signal: NodeJS.Signals, code: number): never {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  process.exit(code)
}

/** At the first signal, calls `letGo`, which must be quick, and ends the process. A second signal ends it at once. */
export function endOnSignal(letGo: () => Promise<void>): void {
  let isEnding = false
  for (const [signal, code] of Object.entries(signalCodes)) {
    takeOver(signal as NodeJS.Signals, async () => {
      if (isEnding) endAtOnce(signal as NodeJS.Signals, code)
      isEnding = true
      await letGo()
      process.exit(code)
    })
  }
}
