import { describe, expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { replace } from '../support/replace.ts'
import { failure, success } from '../support/results.ts'
import { countInTurns } from '../support/turns.ts'

function setUp(...names: readonly string[]) {
  const clock = createFakeClock()
  const store = createStore(clock)
  for (const name of names) store.put(dependency({ name }))
  return {
    clock,
    store,
    statuses: () => store.snapshot().states.map(state => `${state.dependency.name} ${state.status}`),
  }
}

describe('the store', () => {
  test('keeps the order of the configuration', () => {
    const { clock, store, statuses } = setUp('b', 'a', 'c')
    store.record('c', success(clock))
    expect(statuses()).toEqual(['b unknown', 'a unknown', 'c up'])
  })

  test('takes another order, as a change that its listeners hear of once', async () => {
    const { store, statuses } = setUp('b', 'c', 'a')
    let reordered = 0
    store.subscribe({ reordered: () => void reordered++ })
    const { revision } = store.pulse()
    await replace(store, { names: ['a', 'b', 'c'] })
    await replace(store, { names: ['a', 'b', 'c'] })
    expect(statuses()).toEqual(['a unknown', 'b unknown', 'c unknown'])
    expect([reordered, store.pulse().revision - revision]).toEqual([1, 1])
  })

  test('keeps what an order leaves out after what it names', async () => {
    const { store, statuses } = setUp('a', 'b', 'c')
    await replace(store, { names: ['c', 'nobody'] })
    expect(statuses()).toEqual(['c unknown', 'a unknown', 'b unknown'])
  })

  test('gives snapshots that no later record changes', () => {
    const { clock, store } = setUp('a')
    const before = store.snapshot()
    store.record('a', success(clock))
    expect(before.states[0]?.status).toBe('unknown')
  })

  test('refuses a result of something it does not know', () => {
    const { clock, store } = setUp('a')
    expect(() => store.record('b', success(clock))).toThrow('no dependency b')
  })

  test('tells listeners of each change, with what was before and what came', () => {
    const { clock, store } = setUp('a')
    const heard: string[] = []
    const end = store.subscribe({
      changed: (state, previous, outcome) =>
        heard.push(
          `${state.dependency.name}: ${previous?.status} to ${state.status}${outcome ? '' : ', no outcome'}`,
        ),
      removed: state => heard.push(`${state.dependency.name} removed`),
    })
    store.record('a', success(clock))
    store.put(dependency({ name: 'b' }))
    store.remove('a')
    end()
    store.record('b', success(clock))
    expect(heard).toEqual([
      'a: undefined to unknown, no outcome',
      'a: unknown to up',
      'b: undefined to unknown, no outcome',
      'a removed',
    ])
  })

  test('counts a revision for changes of status, not for results that confirm it', () => {
    const { clock, store } = setUp('a')
    const revisions = [success, success, failure, failure, success].map(outcome => {
      store.record('a', outcome(clock))
      return store.snapshot().revision
    })
    expect(revisions.map((revision, i) => revision - (revisions[i - 1] ?? 1))).toEqual([1, 0, 0, 1, 1])
  })

  test('counts a revision for a dependency that comes, is reconfigured or goes', () => {
    const { store } = setUp('a')
    const revisions = [
      () => store.put(dependency({ name: 'b' })),
      () => store.put(dependency({ name: 'b', intervalMs: 1_000 })),
      () => store.remove('b'),
      () => store.remove('nobody'),
    ].map(change => {
      const before = store.pulse().revision
      change()
      return store.pulse().revision - before
    })
    expect(revisions).toEqual([1, 1, 1, 0])
  })

  test('tells nobody of the removal of what is not there', () => {
    const { store } = setUp('a')
    const removed: string[] = []
    store.subscribe({ removed: ({ dependency }) => removed.push(dependency.name) })
    store.remove('b')
    store.remove('a')
    store.remove('a')
    expect(removed).toEqual(['a'])
  })

  test('takes listeners that hear of additions alone, or of removals alone', () => {
    const { clock, store } = setUp('a')
    const changed: string[] = []
    store.subscribe({ removed: () => {} })
    store.subscribe({ changed: ({ status }) => changed.push(status) })
    store.record('a', success(clock))
    store.remove('a')
    expect(changed).toEqual(['unknown', 'up'])
  })

  test('tells once of what grew stale: by the skipped check that finds it, or the result that ends it', async () => {
    const { clock, store } = setUp('a', 'b')
    for (const name of ['a', 'b']) store.record(name, success(clock))
    const heard: string[] = []
    store.subscribe({
      changed: ({ dependency, status }, previous) =>
        void (previous && heard.push(`${dependency.name}: ${previous.status} to ${status}`)),
    })
    await clock.advance(60_000)
    store.record('a', { skipped: 'overlap', count: 1 })
    store.record('a', { skipped: 'overlap', count: 1 })
    for (const name of ['a', 'b']) store.record(name, success(clock))
    expect(heard).toEqual([
      'a: up to unknown',
      'a: unknown to unknown',
      'a: unknown to up',
      'b: unknown to up',
    ])
  })

  test('keeps what is known under a changed configuration', () => {
    const { clock, store } = setUp('a')
    store.record('a', success(clock))
    store.put(dependency({ name: 'a', intervalMs: 1_000 }))
    expect(store.get('a')).toMatchObject({ status: 'up', checks: 1, dependency: { intervalMs: 1_000 } })
  })

  test('knows when the last check completed; a skipped one is none', async () => {
    const { clock, store } = setUp('a')
    await clock.advance(10)
    store.record('a', success(clock))
    const completedAt = clock.now()
    await clock.advance(10)
    store.record('a', { skipped: 'overlap', count: 1 })
    expect(store.snapshot().lastCompletedAt).toBe(completedAt)
  })
})

const order = (...names: readonly string[]) => names.map(name => ({ name }))

describe('many dependencies, replaced at one moment', () => {
  const change = {
    forgotten: new Set(['a', 'c']),
    put: ['b', 'c', 'd'].map(name => dependency({ name, critical: false })),
  }
  const names = ['d', 'c', 'b', 'e']

  test('are seen as before until then, and with what came meanwhile', async () => {
    const { clock, store, statuses } = setUp('a', 'b', 'c', 'e')
    store.record('c', success(clock))
    const preparing = store.prepare({ ...change, order: order(...names) })
    store.record('b', success(clock))
    const replaceAll = await preparing
    store.record('e', success(clock))
    store.put(dependency({ name: 'f' }))
    expect(statuses()).toEqual(['a unknown', 'b up', 'c up', 'e up', 'f unknown'])
    const { revision } = store.pulse()
    replaceAll()
    expect(statuses()).toEqual(['d unknown', 'c unknown', 'b up', 'e up', 'f unknown'])
    expect(store.snapshot().states.map(({ dependency: { critical } }) => critical)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ])
    expect(store.pulse().revision).toBe(revision + 1)
  })

  test('are not there again if they were removed meanwhile', async () => {
    const { store, statuses } = setUp('a', 'b', 'e')
    const preparing = store.prepare({
      forgotten: new Set(['a']),
      put: [dependency({ name: 'd' })],
      order: order('d', 'b', 'e'),
    })
    store.remove('b')
    const replaceAll = await preparing
    store.remove('e')
    replaceAll()
    expect(statuses()).toEqual(['d unknown'])
  })

  test('are told to listeners at once, or each by each where they know no better', async () => {
    const { store } = setUp('a', 'b', 'c', 'e')
    const told: unknown[] = []
    let isSubscribed = false
    store.subscribe({
      replaced: ({ forgotten, changed, isRelisted }) => told.push([[...forgotten], [...changed], isRelisted]),
    })
    store.subscribe({
      changed: (state, previous) =>
        isSubscribed && told.push([state.dependency.name, previous !== undefined]),
      removed: state => told.push(`-${state.dependency.name}`),
      reordered: () => told.push('order'),
    })
    isSubscribed = true
    await replace(store, { ...change, forgotten: ['a', 'c'], names })
    expect(told).toEqual([
      [['a', 'c'], ['b', 'c', 'd'], true],
      ...['-a', '-c', ['b', true], ['c', false], ['d', false], 'order'],
    ])
  })

  test('need no other names and no other order; those that come last are another list', async () => {
    const { store } = setUp('a', 'b')
    const told: string[] = []
    store.subscribe({})
    store.subscribe({
      changed: ({ dependency: { name, critical } }) => told.push(`${name} ${critical}`),
      removed: ({ dependency: { name } }) => told.push(`-${name}`),
      reordered: () => told.push('order'),
    })
    const { revision } = store.pulse()
    await replace(store, {
      forgotten: ['nobody'],
      put: [dependency({ name: 'a', critical: false })],
      names: ['a', 'b'],
    })
    expect(store.get('a')?.dependency.critical).toBe(false)
    await replace(store, { put: [dependency({ name: 'c' })], names: ['a', 'b', 'c'] })
    expect(told.slice(2)).toEqual(['a false', 'c true', 'order'])
    expect(store.pulse().revision).toBe(revision + 2)
  })

  test('are prepared in slices', async () => {
    const { store } = setUp()
    const { count, most } = countInTurns()
    const all = Array.from({ length: 100 }, (_, i) => {
      const each = dependency({ name: `d${i}` })
      return {
        ...each,
        get name() {
          count()
          return each.name
        },
      }
    })
    const change = await store.prepare({
      forgotten: new Set(),
      put: all,
      order: order(...all.map((_, i) => `d${i}`)),
    })
    expect(most()).toBeLessThanOrEqual(3)
    change()
    expect(store.snapshot().states).toHaveLength(100)
  })
})
