import type { promises as dns } from 'node:dns'
import { describe, expect, test } from 'vitest'
import { createResolve } from '../../../src/kinds/shared/resolve.ts'

/** A lookup that the test answers itself, and the calls that wait for it. */
function lookups() {
  const calls: {
    host: string
    options: unknown
    answer: PromiseWithResolvers<{ address: string; family: number }[]>
  }[] = []
  const lookup = ((host: string, options: unknown) => {
    const answer = Promise.withResolvers<{ address: string; family: number }[]>()
    calls.push({ host, options, answer })
    return answer.promise
  }) as unknown as typeof dns.lookup
  return { calls, resolve: createResolve(lookup) }
}

const one = [{ address: '192.0.2.1', family: 4 }]

describe('resolve', () => {
  test('asks for all addresses in the order of the system', async () => {
    const { calls, resolve } = lookups()
    void resolve('db')
    expect(calls).toMatchObject([{ host: 'db', options: { all: true, order: 'verbatim' } }])
  })

  test('has one lookup in flight per name', async () => {
    const { calls, resolve } = lookups()
    const answers = [resolve('db'), resolve('db'), resolve('cache'), resolve('db')]
    expect(calls.map(call => call.host)).toEqual(['db', 'cache'])
    for (const call of calls) call.answer.resolve(one)
    expect(await Promise.all(answers)).toEqual([one, one, one, one])
  })

  test('asks anew once an answer came: addresses move', async () => {
    const { calls, resolve } = lookups()
    const first = resolve('db')
    calls[0]!.answer.resolve(one)
    await first
    void resolve('db')
    expect(calls).toHaveLength(2)
  })

  test('asks anew after a failure, which everybody who waited gets', async () => {
    const { calls, resolve } = lookups()
    const answers = [resolve('db'), resolve('db')]
    calls[0]!.answer.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    const settled = await Promise.allSettled(answers)
    expect(settled).toMatchObject([{ reason: { code: 'ENOTFOUND' } }, { reason: { code: 'ENOTFOUND' } }])
    void resolve('db')
    expect(calls).toHaveLength(2)
  })

  test('gives at most eight addresses', async () => {
    const { calls, resolve } = lookups()
    const answer = resolve('many')
    calls[0]!.answer.resolve(Array.from({ length: 200 }, (_, i) => ({ address: `192.0.2.${i}`, family: 4 })))
    expect(await answer).toHaveLength(8)
  })

  test.each([
    ['192.0.2.1', 4],
    ['::1', 6],
  ])('%s needs no lookup', async (address, family) => {
    const { calls, resolve } = lookups()
    expect(await resolve(address)).toEqual([{ address, family }])
    expect(calls).toEqual([])
  })
})
