/** The logger of an application, made safe to call. */
import type { Logger } from '../model/process.ts'

/**
 * A level that it lacks is dropped, and what it throws, or what its promise rejects with, is told to its `error` and
 * then dropped. A logger must not take its process down.
 */
export function guardLogger(logger: Partial<Logger>): Logger {
  const write = (level: keyof Logger, fields: object, message: string, onError: (error: unknown) => void) => {
    try {
      const written: unknown = logger[level]?.(fields, message)
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
