/** Which shard an instance is, by its flags, the environment and its host name. */
import { describe, expect, test } from 'vitest'
import { readShard } from '../../src/cli/flags.ts'

const host = 'pulsecheck-3'

describe('a shard is', () => {
  test.each([
    ['its flags', { 'shard.total': '4', 'shard.index': '0' }, {}, 'host', { index: 0, total: 4 }],
    ['the environment', {}, { SHARD_TOTAL: '4', SHARD_INDEX: '1' }, 'host', { index: 1, total: 4 }],
    [
      'flags before the environment',
      { 'shard.index': '2' },
      { SHARD_TOTAL: '4', SHARD_INDEX: '1' },
      host,
      { index: 2, total: 4 },
    ],
    ['the ordinal of a pod', { 'shard.total': '4' }, {}, host, { index: 3, total: 4 }],
    [
      'the ordinal of a pod with its domain',
      { 'shard.total': '4' },
      {},
      `${host}.shards.svc-1`,
      { index: 3, total: 4 },
    ],
    ['the only one', { 'shard.total': '1' }, {}, 'host', undefined],
    ['the only one where nothing is said', {}, { SHARD_TOTAL: '' }, host, undefined],
  ])('%s', (_, flags, env, host, expected) => {
    expect(readShard(flags, { env, host })).toEqual(expected)
  })

  test.each([
    [
      'a total that is no number',
      { 'shard.total': 'four' },
      {},
      '--shard.total "four": write a whole number',
    ],
    [
      'a negative index',
      {},
      { SHARD_TOTAL: '4', SHARD_INDEX: '-1' },
      'SHARD_INDEX "-1": write a whole number',
    ],
    ['none at all', { 'shard.total': '0' }, {}, '--shard.total 0: write a number from 1 to 10000'],
    [
      'an index beyond the last',
      { 'shard.total': '3' },
      {},
      '--shard.index 3: the first is 0, and --shard.total is 3',
    ],
    ['an index without a total', { 'shard.index': '1' }, {}, '--shard.index needs --shard.total'],
  ])('not %s', (_, flags, env, problem) => {
    expect(() => readShard(flags, { env, host })).toThrow(problem)
  })

  test('asked for where the host name has no ordinal', () => {
    expect(() => readShard({ 'shard.total': '4' }, { env: {}, host: 'pulsecheck' })).toThrow(
      '--shard.index is missing, and the host name "pulsecheck" does not end in -<number>',
    )
  })
})
