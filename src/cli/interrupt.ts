/** Who hears signals. The launcher does until a command takes over: SIGINT and SIGTERM end the process until then. */

/** What the launcher heard. */
export interface EarlySignals {
  /** Whether SIGHUP came. */
  hungUp(): boolean
}

/** The signals, and the code that a shell gives each. */
export const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** From now on the listener alone hears the signal, also one that has come and waits for its turn. */
export function takeOver(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
  const before = process.listeners(signal)
  process.on(signal, listener)
  for (const each of before) process.off(signal, each)
}

/** From now on SIGHUP ends the process, as it does by default. If it came before, it does so now. */
export function endOnHangup({ hungUp }: EarlySignals): void {
  const end = () => endAtOnce('SIGHUP', 129)
  if (hungUp()) end()
  takeOver('SIGHUP', end)
}

/**
 * By the signal's own default, which waits for nothing; `process.exit` would wait for a thread that reads a file from a
 * dead network share. As a container's first process we have no default, and exit after all.
 */
export function endAtOnce(signal: NodeJS.Signals, code: number): never {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  process.exit(code)
}

/** Lets go of what is held at the first signal, which must not take long, and ends the process. A second one ends it at once. */
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
