/** Rows of the page as a test needs them. */
import type { BoardRow } from '../../../src/views/board.ts'

export const noon = Date.UTC(2026, 0, 1, 12)

export function secondsAgo(seconds: number): string {
  return new Date(noon - 1_000 * seconds).toISOString()
}

/** Up for an hour, checked 3 seconds ago. */
export function row(overrides: Partial<BoardRow> = {}): BoardRow {
  return {
    name: 'orders-db',
    kind: 'postgres',
    target: 'db:5432/orders',
    critical: true,
    labels: {},
    status: 'up',
    since: secondsAgo(3_600),
    stale: false,
    lastCheck: {
      ok: true,
      at: secondsAgo(3),
      durationSeconds: 0.0042,
      phasesSeconds: { connect: 0.001, request: 0.003 },
      measurements: {},
      reason: null,
      detail: null,
      message: null,
    },
    lastSuccessAt: secondsAgo(3),
    lastFailure: null,
    nextCheckAt: new Date(noon + 12_000).toISOString(),
    checks: 240,
    failures: 0,
    skipped: 0,
    transitions: 0,
    recent: [4.2, 4.2],
    recentSince: secondsAgo(18),
    recentFailures: [],
    ...overrides,
  }
}

const failure = {
  at: secondsAgo(2),
  reason: 'connection_error',
  detail: 'ECONNREFUSED',
  message: 'connect ECONNREFUSED 127.0.0.1:5432',
}

/** Down for 4 minutes. */
export function downRow(overrides: Partial<BoardRow> = {}): BoardRow {
  const { lastCheck } = row()
  return row({
    status: 'down',
    since: secondsAgo(240),
    lastCheck: lastCheck && { ...lastCheck, ...failure, ok: false },
    lastFailure: {
      ...failure,
      meaning: 'Nothing listens on the port.',
      remedy: 'Set `port`, or start the server.',
    },
    recent: [4.2, -0.6],
    recentFailures: [failure],
    ...overrides,
  })
}
