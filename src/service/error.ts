import type { ReloadFailure } from '../views/self.ts'

/** What was configured cannot be used. Nothing has changed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** One line each, with its place. */
  readonly problems: readonly string[]
  readonly failure: ReloadFailure

  constructor(problems: readonly string[], failure: ReloadFailure = 'invalid') {
    super(problems.join('\n'))
    this.problems = problems
    this.failure = failure
  }
}

/** The lines of an error, for a log. */
export function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems
  return [error instanceof Error ? error.message : String(error)]
}
