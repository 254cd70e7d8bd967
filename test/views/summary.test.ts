import { describe, expect, test } from 'vitest'
import { createStore } from '../../src/state/store.ts'
import { summarize } from '../../src/views/health.ts'
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

describe('the sentence', () => {
  test.each([
    ['', 'there are no dependencies'],
    ['db+', 'the only dependency is up'],
    ['db+ cache+?', 'all 2 dependencies are up'],
    ['db+ cache-?', '1 of 1 non-critical dependency is down'],
    ['db+ cache?', '1 of 1 non-critical dependency is unknown'],
    ['a+ b- c+ d+', '1 of 4 critical dependencies is down'],
    ['a+ b- c- d+', '2 of 4 critical dependencies are down'],
    ['a- b+', '1 of 2 critical dependencies is down'],
    ['a b c+', '2 of 3 critical dependencies are unknown'],
    ['a+ b- c', '1 of 3 critical dependencies is down, 1 is unknown'],
    ['a b- c', '1 of 3 critical dependencies is down, 2 are unknown'],
    // What only degrades is told last.
    ['x-? y+? a-', '1 of 1 critical dependency is down; 1 of 2 non-critical dependencies is down'],
  ])('%s: %s', async (spec, sentence) => {
    const { store } = await world(spec)
    expect(summarize(store.snapshot(), false)).toBe(sentence)
  })

  test('shutting down comes first, and what is wrong besides', async () => {
    const { store } = await world('a- b+')
    expect(summarize(store.snapshot(), true)).toBe('shutting down; 1 of 2 critical dependencies is down')
  })

  test('a stale status is unknown', async () => {
    const { clock, store } = await world('a+')
    await clock.advance(100_000)
    expect(summarize(store.snapshot(), false)).toBe('1 of 1 critical dependency is unknown')
  })
})
