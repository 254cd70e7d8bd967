/** Where the server tells of its own faults: the part of a pino logger that it needs. */
export interface Logger {
  warn(fields: object, message: string): void
}

export const silent: Logger = { warn: () => {} }
