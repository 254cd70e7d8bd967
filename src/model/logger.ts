/** Where Pulsecheck logs: the part of a pino logger that it uses. */
export interface Logger {
  /** Fields first, then a message that is the same for all lines of its sort. */
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const drop = () => {}

/** Logs nothing. */
export const silent: Logger = Object.freeze({ debug: drop, info: drop, warn: drop, error: drop })
