import { describe, expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { createBoard, keptChecks, keptFailures } from '../../src/views/board.ts'
import { createProbes } from '../../src/views/probes.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { replace } from '../support/replace.ts'
import { failure, success } from '../support/results.ts'

function world(...names: string[]) {
  const clock = createFakeClock()
  const store = createStore(clock)
  for (const name of names) store.put(dependency({ name, staleAfterMs: 60_000 }))
  const probes = createProbes(store, () => 0)
  const nextCheckAt = (name: string) => (name === 'a' ? clock.now() + 5_000 : undefined)
  return { clock, store, probes, board: createBoard({ state: store, probes, nextCheckAt }) }
}

const namesOf = ({ rows }: { rows: readonly { name: string }[] }) => rows.map(({ name }) => name)

test('everything at first, then only what has changed', () => {
  const { clock, store, board } = world('a', 'b', 'c')
  const first = board.changes(0, 10)
  expect([namesOf(first), first.names, first.more]).toEqual([['a', 'b', 'c'], ['a', 'b', 'c'], false])
  expect(board.changes(first.cursor, 10)).toMatchObject({ rows: [], more: false, cursor: first.cursor })
  store.record('c', success(clock))
  store.record('a', failure(clock))
  const second = board.changes(first.cursor, 10)
  expect([namesOf(second), second.names]).toEqual([['c', 'a'], undefined])
  expect(second).toMatchObject({ status: 'unavailable', draining: false })
})

test('in pieces, with the names once, and with what changes in between', () => {
  const { clock, store, board } = world('a', 'b', 'c', 'd')
  const one = board.changes(0, 2)
  expect([namesOf(one), one.more]).toEqual([['a', 'b'], true])
  store.record('a', success(clock))
  store.remove('d')
  const two = board.changes(one.cursor, 1)
  expect([namesOf(two), two.more]).toEqual([['c'], true])
  const three = board.changes(two.cursor, 10)
  expect([namesOf(three), three.more]).toEqual([['a'], false])
  expect([one, two, three].map(({ names }) => names)).toEqual([undefined, undefined, ['a', 'b', 'c']])
})

test('what is gone takes no row of an answer, and the names say so', () => {
  const { store, board } = world('a', 'b', 'c')
  const { cursor } = board.changes(0, 10)
  store.remove('a')
  const later = board.changes(cursor, 10)
  expect([namesOf(later), later.names]).toEqual([[], ['b', 'c']])
  expect(board.changes(later.cursor, 10).names).toBeUndefined()
  expect(namesOf(board.changes(0, 2))).toEqual(['b', 'c'])
})

test('what comes while a reader reads on is a row, and the names say so', () => {
  const { store, board } = world('a')
  const { cursor } = board.changes(0, 10)
  store.put(dependency({ name: 'b' }))
  const later = board.changes(cursor, 10)
  expect([namesOf(later), later.names, later.more]).toEqual([['b'], ['a', 'b'], false])
})

test('another order comes as names without rows', async () => {
  const { store, board } = world('b', 'c', 'a')
  const { cursor } = board.changes(0, 10)
  await replace(store, { names: ['a', 'b', 'c'] })
  const { rows, names } = board.changes(cursor, 10)
  expect([rows, names]).toEqual([[], ['a', 'b', 'c']])
})

test('a large change is rows of what it changes, and names with the last of them', async () => {
  const { store, board } = world('a', 'b', 'c')
  const { cursor } = board.changes(0, 10)
  await replace(store, {
    forgotten: ['b'],
    put: ['a', 'd', 'e', 'f'].map(name => dependency({ name, critical: false })),
    names: ['f', 'e', 'd', 'a'],
  })
  store.remove('d')
  const one = board.changes(cursor, 2)
  expect([namesOf(one), one.names, one.more]).toEqual([['a', 'e'], undefined, true])
  const two = board.changes(one.cursor, 2)
  expect([namesOf(two), two.names, two.more]).toEqual([['f'], ['f', 'e', 'a', 'c'], false])
  expect(board.changes(two.cursor, 2)).toMatchObject({ rows: [], names: undefined, cursor: two.cursor })
  expect(namesOf(board.changes(0, 4))).toEqual(['c', 'a', 'e', 'f'])
})

test('a row says when the next check is, and what the last ones took', async () => {
  const { clock, store, board } = world('a', 'b')
  store.record('a', success(clock, { durationMs: 12.34 }))
  await clock.advance(1_000)
  store.record('a', failure(clock, { durationMs: 0, reason: 'timeout', detail: 'timeout', message: 'late' }))
  const [b, a] = board.changes(0, 10).rows
  expect(b).toMatchObject({ nextCheckAt: null, recent: [], recentSince: null, recentFailures: [] })
  expect(a).toMatchObject({
    nextCheckAt: '2026-01-01T00:00:06.000Z',
    recent: [12.3, -0.1],
    recentSince: '2026-01-01T00:00:00.000Z',
    recentFailures: [
      { at: '2026-01-01T00:00:01.000Z', reason: 'timeout', detail: 'timeout', message: 'late' },
    ],
  })
})

test('a status that grows stale is a change, though nothing was recorded', async () => {
  const { clock, store, board } = world('a', 'b')
  store.record('a', success(clock))
  const { cursor } = board.changes(0, 10)
  await clock.advance(60_001)
  const later = board.changes(cursor, 10)
  expect(later.rows).toMatchObject([{ name: 'a', status: 'unknown', stale: true }])
  expect(namesOf(board.changes(later.cursor, 10))).toEqual([])
})

test('draining is told', () => {
  const { probes, board } = world('a')
  const { cursor } = board.changes(0, 10)
  probes.drain()
  expect(board.changes(cursor, 10)).toMatchObject({ draining: true, status: 'unavailable', rows: [] })
})

describe('the past of a dependency', () => {
  const past = (board: ReturnType<typeof createBoard>) => board.changes(0, 10).rows[0]!

  test('holds the last checks, oldest first', async () => {
    const { clock, store, board } = world('a')
    for (let i = 1; i <= keptChecks + 3; i++) {
      await clock.advance(1_000)
      store.record('a', i === 5 ? failure(clock, { durationMs: i }) : success(clock, { durationMs: i + 0.2 }))
    }
    const { recent, recentSince } = past(board)
    expect(recent).toHaveLength(keptChecks)
    expect([...recent.slice(0, 3), recent.at(-1)]).toEqual([4.2, -5, 6.2, keptChecks + 3.2])
    expect(recentSince).toBe('2026-01-01T00:00:04.000Z')
  })

  test('holds the last failures, newest first, after many checks that succeeded', () => {
    const { clock, store, board } = world('a')
    for (let i = 1; i <= keptFailures + 2; i++) store.record('a', failure(clock, { detail: `E${i}` }))
    for (let i = 0; i < 2 * keptChecks; i++) store.record('a', success(clock))
    const { recent, recentFailures } = past(board)
    expect(recent.every(ms => ms > 0)).toBe(true)
    expect(recentFailures.map(({ detail }) => detail)).toEqual(
      Array.from({ length: keptFailures }, (_, i) => `E${keptFailures + 2 - i}`),
    )
  })

  test('holds no skipped check', () => {
    const { store, board } = world('a')
    store.record('a', { skipped: 'lag', count: 3 })
    expect(past(board).recent).toEqual([])
  })

  test('stays under a changed configuration, and goes with the dependency', () => {
    const { clock, store, board } = world('a')
    store.record('a', failure(clock))
    store.put(dependency({ name: 'a', intervalMs: 60_000 }))
    expect(past(board).recent).toHaveLength(1)
    store.remove('a')
    store.put(dependency({ name: 'a' }))
    expect(past(board)).toMatchObject({ recent: [], recentSince: null, recentFailures: [] })
  })

  test('stays in a large change, unless the dependency begins anew', async () => {
    const { clock, store, board } = world('a', 'b')
    for (const name of ['a', 'b']) store.record(name, failure(clock))
    const put = ['a', 'b'].map(name => dependency({ name, critical: false }))
    await replace(store, { forgotten: ['b'], put })
    const { rows } = board.changes(0, 10)
    expect(rows.map(({ name, recent }) => `${name} ${recent.length}`).toSorted()).toEqual(['a 1', 'b 0'])
  })
})
