/** Commands that a signal ends at once. */

/** The signals, and the code that a shell gives each. */
export const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** On the first signal: lets go of what is held, which must not wait for anything, and ends the process. */
export function endOnSignal(letGo: () => void): void {
  for (const [signal, code] of Object.entries(signalCodes)) {
    process.once(signal, () => {
      letGo()
      process.exit(code)
    })
  }
}
