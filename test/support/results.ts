/** Results as a test needs them. */
import type { CheckFailure, CheckSuccess, Clock } from '../../src/model/dependency.ts'

export function success(clock: Clock, more: Partial<CheckSuccess> = {}): CheckSuccess {
  return {
    ok: true,
    at: clock.wall(),
    monotonicAt: clock.now(),
    durationMs: 5,
    phases: {},
    measurements: {},
    ...more,
  }
}

export function failure(clock: Clock, more: Partial<CheckFailure> = {}): CheckFailure {
  return {
    ok: false,
    at: clock.wall(),
    monotonicAt: clock.now(),
    durationMs: 5,
    phases: {},
    measurements: {},
    reason: 'connection_error',
    detail: 'ECONNREFUSED',
    message: 'connect ECONNREFUSED 127.0.0.1:5432',
    ...more,
  }
}
