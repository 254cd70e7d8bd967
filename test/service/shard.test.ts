/** Which shard has which dependency, and what a service makes of its share. */
import { describe, expect, test } from 'vitest'
import { shardOf } from '../../src/service/shard.ts'
import { mergeSources } from '../../src/service/sources.ts'
import { definition } from '../support/dependency.ts'

const names = Array.from({ length: 20_000 }, (_, i) => `orders-${i}-db`)

describe('a shard', () => {
  test('has the dependencies that it has always had: the mapping is a contract between versions', () => {
    const some = ['orders-db', 'cache', 'payments', 'search', 'mail', 'ä']
    expect(some.map(name => shardOf(name, 4))).toMatchInlineSnapshot(`
      [
        1,
        0,
        1,
        0,
        1,
        1,
      ]
    `)
  })

  test.each([1, 2, 3, 4, 20, 100])('of %i has its share of many, give or take', total => {
    const counts = Array.from({ length: total }, () => 0)
    for (const name of names) counts[shardOf(name, total)]! += 1
    const mean = names.length / total
    // Five standard deviations of a random mapping.
    const most = mean + 5 * Math.sqrt(mean)
    expect(Math.max(...counts)).toBeLessThanOrEqual(total === 1 ? names.length : most)
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(2 * mean - most)
  })

  test('that is added takes its share from the others, and nothing else moves', () => {
    const moved = names.filter(name => shardOf(name, 20) !== shardOf(name, 21))
    expect(moved.every(name => shardOf(name, 21) === 20)).toBe(true)
    expect(moved.length / names.length).toBeLessThan(0.06)
  })
})

test('shards have each dependency once, in the order of the config, and refuse what any of them would', async () => {
  const list = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => definition({ name }))
  const share = (index: number, definitions = list) =>
    mergeSources(new Map([['config', definitions]]), {
      histogram: { buckets: [], native: true },
      maxSeries: 1_000,
      shard: { index, total: 3 },
    })
  const shares = await Promise.all([0, 1, 2].map(index => share(index)))
  expect(shares.flat().toSorted()).toHaveLength(6)
  expect(new Set(shares.flat())).toEqual(new Set(list))
  for (const own of shares) expect(own).toEqual(list.filter(each => own.includes(each)))
  const clash = [...list, definition({ name: 'a' })]
  for (const index of [0, 1, 2]) await expect(share(index, clash)).rejects.toThrow('"a"')
})
