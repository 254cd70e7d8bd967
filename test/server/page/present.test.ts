import { describe, expect, test } from 'vitest'
import { phases as known, tlsNotAfter } from '../../../src/model/dependency.ts'
import { countByStatus, matches, worstFirst } from '../../../src/server/page/browser/order.js'
import { failureSlots, phases, present, presentDetail } from '../../../src/server/page/browser/present.js'
import { slots, sparkline } from '../../../src/server/page/browser/spark.js'
import { ago, ahead, clock, duration, span } from '../../../src/server/page/browser/words.js'
import type { BoardRow } from '../../../src/views/board.ts'
import { keptChecks, keptFailures } from '../../../src/views/board.ts'
import { downRow, noon, row, secondsAgo } from './rows.ts'

const now = { at: noon, zone: 'utc' } as const

test('the page has room for all that is kept, and knows every phase', () => {
  expect([slots, failureSlots, phases]).toEqual([keptChecks, keptFailures, known])
})

describe('words', () => {
  test.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [7_500_000, '2 h 5 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 d'],
    [273_600_000, '3 d 4 h'],
    [-5_000, '0 s'],
  ])('%i ms are %s', (ms, text) => expect(span(ms)).toBe(text))

  test.each([
    [0.04, '0.0 ms'],
    [0.6, '0.6 ms'],
    [9.96, '10 ms'],
    [999.4, '999 ms'],
    [1_250, '1.25 s'],
  ])('a check of %d ms took %s', (ms, text) => expect(duration(ms)).toBe(text))

  test('moments before and after now', () => {
    expect([ago(999), ago(61_000)]).toEqual(['just now', '1 min ago'])
    expect([ahead(11_200), ahead(0), ahead(-1_000), ahead(-3_000)]).toEqual([
      'in 12 s',
      'now',
      'now',
      'overdue',
    ])
    expect(clock(noon - 1_000, noon, 'utc')).toBe('11:59:59 UTC')
    expect(clock(noon - 86_400_000, noon, 'utc')).toBe('2025-12-31 12:00:00 UTC')
  })
})

describe('what a row says', () => {
  const lastCheck = row().lastCheck!
  const measured = (seconds: number) =>
    row({ lastCheck: { ...lastCheck, measurements: { [tlsNotAfter]: noon / 1_000 + seconds } } })

  test.each<[string, BoardRow, object]>([
    ['up', row(), { status: 'up', reason: '', message: '', warning: '', since: '1 h', duration: '4.2 ms' }],
    [
      'down',
      downRow(),
      {
        reason: 'connection_error ECONNREFUSED',
        message: 'connect ECONNREFUSED 127.0.0.1:5432',
        since: '4 min',
        sinceAt: '11:56:00 UTC',
        last: '2 s ago',
        next: 'next in 12 s',
        recent: '2 checks in 18 s: 1 failed, median 4.2 ms, slowest 4.2 ms',
      },
    ],
    [
      'a detail that only repeats its reason',
      downRow({
        lastFailure: {
          at: '',
          reason: 'timeout',
          detail: 'timeout',
          message: 'm',
          meaning: null,
          remedy: null,
        },
      }),
      { reason: 'timeout' },
    ],
    [
      'up, and the last check failed',
      downRow({ status: 'up' }),
      { message: 'failed just now, not settled yet: connect ECONNREFUSED 127.0.0.1:5432' },
    ],
    [
      'down, and the last check succeeded',
      row({ status: 'down' }),
      { reason: '', message: 'the last check succeeded; one alone does not settle it' },
    ],
    [
      'not checked yet',
      row({ status: 'unknown', lastCheck: null, recent: [], recentSince: null, nextCheckAt: null }),
      { message: 'not checked yet', duration: '', last: '', next: '', recent: 'no checks yet' },
    ],
    [
      'stale',
      row({ status: 'unknown', stale: true, lastCheck: { ...lastCheck, at: secondsAgo(180) } }),
      { message: 'stale: no result for 3 min, since 11:57:00 UTC' },
    ],
    ['a certificate that ends soon', measured(13 * 86_400), { warning: 'certificate expires in 13 d' }],
    ['a certificate with time left', measured(15 * 86_400), { warning: '' }],
    ['an expired certificate', measured(-3_600), { warning: 'certificate expired 1 h ago' }],
  ])('%s', (_, given, said) => expect(present(given, now)).toMatchObject(said))

  test.each([
    ['while it fails', downRow(), 'Set port, or start the server.'],
    ['when it has failed once', downRow({ status: 'up' }), 'Set port, or start the server.'],
    ['not after a success', downRow({ lastCheck }), ''],
    ['not when the result is stale', downRow({ status: 'unknown', stale: true }), ''],
    ['not where nobody declares the failure', downRow({ lastFailure: null }), ''],
  ])('opened, it says what to do %s', (_, given, remedy) =>
    expect(presentDetail(given, now).remedy).toBe(remedy),
  )

  test('opened, it says the rest', () => {
    const { lastCheck } = downRow()
    const measurements = { [tlsNotAfter]: noon / 1_000 + 30 * 86_400, status_code: 503 }
    const detail = presentDetail(downRow({ lastCheck: lastCheck && { ...lastCheck, measurements } }), now)
    expect(detail).toMatchObject({
      meaning: 'Nothing listens on the port.',
      lastCheck: '11:59:58 UTC, 2 s ago: failed',
      nextCheck: '12:00:12 UTC, in 12 s',
      certificate: '2026-01-31 12:00:00 UTC, in 30 d',
      measurements: 'status_code 503',
      counts: '240 checks, 0 failed, 0 skipped; 0 changes between up and down',
      dns: '',
      connect: 'connect 1.0 ms',
      connectWidth: '25.0',
      requestX: '25.0',
      requestWidth: '75.0',
      failureAt0: '11:59:58 UTC',
      failureReason0: 'connection_error ECONNREFUSED',
      failureAt1: '',
      failures: '',
    })
  })
})

test('the sparkline: newest at the right, failures higher than any success', () => {
  expect(sparkline([])).toEqual({ good: '', bad: '' })
  expect(sparkline([4, -1, 16])).toEqual({ good: 'M114.5 20v-7.5M118.5 20v-13.0', bad: 'M116.5 20v-20' })
  const many = sparkline(Array.from({ length: 100 }, () => 1))
  expect(many.good.match(/M/g)).toHaveLength(slots)
  expect(many.good).toMatch(/^M0\.5 /)
})

test('worst first, and among the bad ones what began first', () => {
  const rows = [
    row({ name: 'up-1' }),
    row({ name: 'unknown', status: 'unknown', critical: false }),
    downRow({ name: 'down', critical: false }),
    downRow({ name: 'critical-later', since: secondsAgo(10) }),
    row({ name: 'up-2', critical: false }),
    downRow({ name: 'critical-first', since: secondsAgo(20) }),
    row({ name: 'unknown-critical', status: 'unknown' }),
    row({ name: 'up-3' }),
  ]
  expect(rows.toSorted(worstFirst).map(({ name }) => name)).toEqual([
    'critical-first',
    'critical-later',
    'down',
    'unknown-critical',
    'unknown',
    'up-1',
    'up-2',
    'up-3',
  ])
  expect(countByStatus(rows)).toEqual({ '': 8, down: 3, unknown: 2, up: 3 })
})

test.each([
  ['', '', true],
  ['down', '', false],
  ['up', 'ORDERS', true],
  ['', 'postgres db:5432', true],
  ['', 'team=shop', true],
  ['', 'orders nowhere', false],
])('status "%s" and search "%s": %s', (status, q, expected) => {
  expect(matches(row({ labels: { team: 'shop' } }), { status, q })).toBe(expected)
})
