/** What every room may use of the process that it runs in: a log, turns of the event loop, and the package's version. */
import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'

/** Where Pulsecheck logs: the part of a pino logger that it uses. */
export interface Logger {
  /** Fields first, then a message that is the same for all lines of its kind. */
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const drop = () => {}

/** Logs nothing. */
export const silent: Logger = Object.freeze({ debug: drop, info: drop, warn: drop, error: drop })

/** Lets the event loop turn once. */
export { turn }

/** Long enough to make progress, short enough that nobody notices: no block may exceed 10 ms. */
const sliceMs = 2

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

/** Reads the version of this package from its package.json. */
export function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return manifest.version
}
