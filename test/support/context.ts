/** The context of a check that a test makes itself. */
import type { CheckContext } from '../../src/model/dependency.ts'
import { createSystemClock } from '../../src/schedule/clock.ts'
import { createResolver } from '../../src/schedule/resolve.ts'
import { createTrace, type Trace } from '../../src/schedule/run.ts'

/** A context with the process's own clock and resolver, and the trace that records what is told to it. */
export function checkContext(overrides: Partial<CheckContext> = {}): {
  readonly context: CheckContext
  readonly trace: Trace
} {
  const trace = createTrace(createSystemClock())
  const { signal } = new AbortController()
  const context = { signal, timeoutMs: 2_000, resolve: createResolver().resolve, ...trace, ...overrides }
  return { context, trace }
}
