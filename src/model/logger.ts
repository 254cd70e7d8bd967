/** The logger: what Pulsecheck needs of one, one that is silent, and an application's own made safe to call. */

/** Where Pulsecheck logs: the part of a pino logger that it uses. */
export interface Logger {
  /** Fields first, then a message that is the same for all lines of its kind. */
  debug(fields: object, message: string): void
  /** For what goes as it should: a dependency is up. */
  info(fields: object, message: string): void
  /** For what somebody should look at: a dependency is down. */
  warn(fields: object, message: string): void
  /** For faults of our own, and of listeners. */
  error(fields: object, message: string): void
}

const drop = () => {}

/** Logs nothing. */
export const silent: Logger = Object.freeze({ debug: drop, info: drop, warn: drop, error: drop })

/**
 * Returns a logger that never throws, since a logger must not take its process down. Lines of a level that the original
 * lacks are dropped. `console` gets the message first. What it throws, or what its promise rejects with, is passed to its own `error`, and otherwise
 * ignored.
 */
export function guardLogger(logger: Partial<Logger>): Logger {
  const isConsole = logger === console
  const write = (level: keyof Logger, fields: object, message: string, onError: (error: unknown) => void) => {
    try {
      const written: unknown = isConsole
        ? (logger as Console)[level](message, fields)
        : logger[level]?.(fields, message)
      if (written instanceof Promise) written.catch(onError)
    } catch (error) {
      onError(error)
    }
  }
  const complain = (level: keyof Logger) => (error: unknown) =>
    write('error', { level, cause: String(error) }, 'the logger failed', () => {})
  const guarded = (level: keyof Logger) => (fields: object, message: string) =>
    write(level, fields, message, complain(level))
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  }
}
