import { describe, expect, test } from 'vitest'
import type { CheckOutcome, Dependency } from '../../src/model/dependency.ts'
import {
  asOf,
  countTime,
  type DependencyState,
  initialState,
  isContradicted,
  statusAt,
  transition,
} from '../../src/state/transition.ts'
import { createFakeClock, type FakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

/** `+` a success, `-` a failure, `s` a skip, `.` time until stale; one a second. */
async function play(script: string, overrides: Partial<Dependency> = {}) {
  const clock = createFakeClock()
  let state = initialState(dependency(overrides), clock)
  const seen: DependencyState[] = []
  for (const step of script) {
    await clock.advance(step === '.' ? state.dependency.staleAfterMs + 1 : 1_000)
    const outcome = outcomes[step]?.(clock)
    if (outcome !== undefined) state = transition(asOf(state, present(clock)), outcome)
    seen.push(state)
  }
  return { state, clock, statuses: seen.map(each => each.status[0]).join(''), seen }
}

function present(clock: FakeClock) {
  return { at: clock.wall(), monotonicAt: clock.now() }
}

const outcomes: Record<string, (clock: FakeClock) => CheckOutcome> = {
  '+': success,
  '-': failure,
  s: () => ({ skipped: 'lag', count: 1 }),
}

describe('transition', () => {
  test.each([
    // script, failureThreshold, successThreshold, first letters of the statuses
    ['+', 2, 1, 'u'],
    ['-', 2, 1, 'd'],
    ['+-', 2, 1, 'uu'],
    ['+--', 2, 1, 'uud'],
    ['+-+-+-', 2, 1, 'uuuuuu'],
    ['---+', 2, 1, 'dddu'],
    ['-+++', 2, 3, 'dddu'],
    ['-++-+++', 2, 3, 'ddddddu'],
    ['+---', 3, 1, 'uuud'],
    ['+-s-', 2, 1, 'uuud'],
    ['s', 2, 1, 'u'],
  ])('%s with thresholds %i and %i', async (script, failureThreshold, successThreshold, expected) => {
    const { statuses, seen } = await play(script, { failureThreshold, successThreshold })
    if (script === 's') expect(seen[0]?.status).toBe('unknown')
    else expect(statuses).toBe(expected)
  })

  test('begins unknown, since it is known by both clocks', () => {
    const clock = createFakeClock()
    expect(initialState(dependency(), clock)).toMatchObject({
      status: 'unknown',
      since: { at: clock.wall(), monotonicAt: clock.now() },
      createdAt: clock.wall(),
    })
  })

  test('stale reads as unknown, and the next result settles at once', async () => {
    const { state, clock } = await play('+.', { failureThreshold: 3 })
    expect(statusAt(state, clock.now())).toBe('unknown')
    expect(transition(asOf(state, present(clock)), failure(clock)).status).toBe('down')
  })

  test('is not stale at the limit, only beyond it', async () => {
    const { state, clock } = await play('+')
    await clock.advance(state.dependency.staleAfterMs)
    expect(statusAt(state, clock.now())).toBe('up')
    await clock.advance(1)
    expect(statusAt(state, clock.now())).toBe('unknown')
  })

  test('a skipped check makes staleness explicit, with the moment from which it held', async () => {
    const { state, seen } = await play('+.s')
    expect(state.status).toBe('unknown')
    expect(state.since.monotonicAt).toBe(seen[0]!.last!.monotonicAt + state.dependency.staleAfterMs)
  })

  test('stands at its limit as it was, and beyond it is unknown since the limit, by both clocks', async () => {
    const { state, clock } = await play('++')
    const limit = state.last!.monotonicAt + state.dependency.staleAfterMs
    await clock.advance(limit - clock.now())
    const wallAtLimit = clock.wall()
    expect(asOf(state, present(clock))).toBe(state)
    await clock.advance(7_000)
    expect(asOf(state, present(clock))).toMatchObject({
      status: 'unknown',
      since: { at: wallAtLimit, monotonicAt: limit },
      streak: 0,
    })
  })

  test('once unknown, keeps since when, though the wall clock is set', async () => {
    const { state, clock } = await play('+.s')
    const later = { at: clock.wall() + 3_600_000, monotonicAt: clock.now() + 1_000 }
    expect(asOf(state, later)).toBe(state)
  })

  test('counts completed checks, failures by reason, and skips by cause', async () => {
    const { state } = await play('+--s-')
    expect(state.checks).toBe(4)
    expect(state.failures).toMatchObject({ connection_error: 3, timeout: 0 })
    expect(state.skipped).toEqual({ overlap: 0, lag: 1, overload: 0 })
    expect(transition(state, { skipped: 'lag', count: 38 }).skipped).toMatchObject({ lag: 39 })
  })

  test.each([
    ['+', 0],
    ['+--', 1],
    ['+--+', 2],
    ['--.+', 1],
    ['++.+', 0],
  ])('%s has %i transitions: unknown in between is none', async (script, expected) => {
    expect((await play(script)).state.transitions).toBe(expected)
  })

  test('keeps when the status became what it is', async () => {
    const { seen } = await play('++--+')
    expect(seen.map(state => seen.findIndex(other => other.since.at === state.since.at))).toEqual([
      0, 0, 0, 3, 4,
    ])
  })

  test('remembers that it was up, the last success and the last failure', async () => {
    const { state } = await play('+--')
    expect(state.everUp).toBe(true)
    expect(state.lastSuccess?.at).toBeLessThan(state.lastFailure!.at)
    expect((await play('--')).state.everUp).toBe(false)
  })

  test.each([
    ['+', false],
    ['+-', true],
    ['+--', false],
    ['-', false],
    ['s', false],
    ['+.s', false],
  ])('after %s a confirmation is wanted: %s', async (script, expected) => {
    expect(isContradicted((await play(script)).state)).toBe(expected)
  })
})

test('time counts for the status that it passed in, and as unknown once the status is stale', () => {
  const clock = createFakeClock()
  const from = clock.now()
  const up = transition(initialState(dependency({ staleAfterMs: 5_000 }), clock), success(clock))
  const after = (ms: number) => countTime(up, from + ms).statusMs
  expect(after(0)).toEqual({ unknown: 0, up: 0, down: 0 })
  expect(after(4_000)).toEqual({ unknown: 0, up: 4_000, down: 0 })
  expect(after(5_000)).toEqual({ unknown: 0, up: 5_000, down: 0 })
  expect(after(8_000)).toEqual({ unknown: 3_000, up: 5_000, down: 0 })
  expect(countTime(countTime(up, from + 8_000), from + 10_000).statusMs).toEqual({
    unknown: 5_000,
    up: 5_000,
    down: 0,
  })
  expect(after(-1_000)).toEqual({ unknown: 0, up: 0, down: 0 })
})
