import { describe, expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { summary } from '../../src/views/summary.ts'
import { createFakeClock } from '../support/clock.ts'
import { dependency } from '../support/dependency.ts'
import { failure, success } from '../support/results.ts'

/** `db+` is critical and up, `x-?` not critical and down, `y` unknown; each a second after the one before. */
async function world(spec: string) {
  const clock = createFakeClock()
  const store = createStore(clock)
  for (const word of spec.split(' ').filter(Boolean)) {
    const [, name = '', verdict, optional] = /^(\w+)([+-]?)(\??)$/.exec(word)!
    store.put(dependency({ name, critical: optional === '', staleAfterMs: 60_000 }))
    if (verdict !== '') store.record(name, verdict === '+' ? success(clock) : failure(clock))
    await clock.advance(1_000)
  }
  return { clock, store }
}

describe('the sentence, and the second since when it holds', () => {
  test.each([
    ['', 'there are no dependencies', undefined],
    ['db+', 'the only dependency is up', 0],
    ['db+ cache+?', 'all 2 dependencies are up', 1],
    ['db+ cache-?', '1 of 1 non-critical dependency is down', 1],
    ['db+ cache?', '1 of 1 non-critical dependency is unknown', 1],
    ['a+ b- c+ d+', '1 of 4 critical dependencies is down', 1],
    ['a+ b- c- d+', '2 of 4 critical dependencies are down', 1],
    ['a- b+', '1 of 2 critical dependencies is down', 0],
    ['a b c+', '2 of 3 critical dependencies are unknown', 0],
    ['a+ b- c', '1 of 3 critical dependencies is down, 1 is unknown', 1],
    ['a b- c', '1 of 3 critical dependencies is down, 2 are unknown', 0],
    // What only degrades is told, but began nothing.
    ['x-? y+? a-', '1 of 1 critical dependency is down; 1 of 2 non-critical dependencies is down', 2],
  ])('%s: %s', async (spec, sentence, second) => {
    const { store } = await world(spec)
    expect(summary(store.snapshot(), false)).toEqual({
      sentence,
      ...(second !== undefined && { since: Date.UTC(2026, 0, 1, 0, 0, second) }),
    })
  })

  test('shutting down comes first, and what is wrong besides', async () => {
    const { store } = await world('a- b+')
    expect(summary(store.snapshot(), true)).toEqual({
      sentence: 'shutting down; 1 of 2 critical dependencies is down',
    })
  })

  test('a stale status is unknown, from the moment at which it grew stale', async () => {
    const { clock, store } = await world('a+')
    await clock.advance(100_000)
    expect(summary(store.snapshot(), false)).toEqual({
      sentence: '1 of 1 critical dependency is unknown',
      since: Date.UTC(2026, 0, 1, 0, 1, 0),
    })
  })
})
