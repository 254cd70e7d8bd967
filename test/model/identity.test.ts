import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { describe, expect, test } from 'vitest'
import { textExpectation } from '../../src/kinds/shared/options.ts'
import { identify, isSame } from '../../src/model/identity.ts'
import { redactor, Secret } from '../../src/model/secret.ts'

const same = (one: unknown, other: unknown) => isSame(identify(one), identify(other))

describe('the identity of', () => {
  test.each([
    ['texts', 'a', 'b'],
    ['numbers', 1, Number.NaN],
    ['sorts', '1', 1],
    ['null', null, 'null'],
    ['lists', ['a', 'b'], ['b', 'a']],
    ['keys', { a: 1 }, { b: 1 }],
    ['nested values', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
    ['secrets', new Secret('a'), new Secret('b')],
    ['a secret and its text', new Secret('a'), 'a'],
    ['a text that looks like an encoding', ['string', 'a'], 'a'],
    ['patterns', textExpectation.parse({ matches: 'a' }), textExpectation.parse({ matches: 'b' })],
    ['dates', new Date(0), new Date(1)],
  ])('%s differs', (_, one, other) => {
    expect(same(one, other)).toBe(false)
    expect(same(one, one)).toBe(true)
  })

  test.each([
    ['copies', { a: [1, { b: 'c' }] }, { a: [1, { b: 'c' }] }],
    ['keys in another order', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['a key without a value', { a: 1, b: undefined }, { a: 1 }],
    ['secrets of one text', new Secret('a'), new Secret('a')],
    [
      'patterns of one text',
      textExpectation.parse({ matches: 'a' }),
      textExpectation.parse({ matches: 'a' }),
    ],
  ])('%s is the same', (_, one, other) => {
    expect(same(one, other)).toBe(true)
  })

  test('functions is by reference', () => {
    const [one, other] = [() => 1, () => 1]
    expect(same({ run: one }, { run: one })).toBe(true)
    expect(same({ run: one }, { run: other })).toBe(false)
    expect(same([one, other], [other, one])).toBe(false)
  })

  test('clients and pools is by reference, and nothing is looked up in them', () => {
    const clients = [0, 0].map(() => new Redis({ lazyConnect: true }))
    const clusters = [0, 0].map(() => new Redis.Cluster([{ host: '127.0.0.1' }], { lazyConnect: true }))
    const pools = [0, 0].map(() => new Pool())
    for (const [one, other] of [clients, clusters, pools]) {
      expect(same({ client: one }, { client: one })).toBe(true)
      expect(same({ client: one }, { client: other })).toBe(false)
      expect(redactor({ client: one, password: new Secret('hunter22') })('hunter22')).toBe('<secret>')
    }
    for (const each of [...clients, ...clusters]) each.disconnect()
  })

  test('what contains itself is by reference', () => {
    const circle = (): object => {
      const it: Record<string, unknown> = { a: 1 }
      it.self = it
      return it
    }
    const one = circle()
    expect(same(one, one)).toBe(true)
    expect(same(one, circle())).toBe(false)
  })

  test('secrets shows none', () => {
    expect(JSON.stringify(identify({ password: new Secret('hunter22') }))).not.toContain('hunter22')
  })
})
