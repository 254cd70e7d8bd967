import { describe, expect, test } from 'vitest'
import { createShared, prettyJsonInSlices } from '../../../src/server/http/report.ts'
import { countInTurns } from '../../support/turns.ts'

/** Shared renderings, numbered from 1, each of which takes this long on a clock of the test's own. */
function setUp(tookMs: number) {
  let now = 0
  let rendered = 0
  const take = createShared(
    async () => {
      now += tookMs
      return ++rendered
    },
    () => now,
  )
  const wait = (ms: number) => {
    now += ms
  }
  return { take, wait }
}

describe('a shared rendering', () => {
  test('is one for all who ask meanwhile', async () => {
    const { take } = setUp(5)
    const all = await Promise.all([take(), take(), take()])
    expect(all.map(({ value }) => value)).toEqual([1, 1, 1])
  })

  test.each([
    ['a tenth of a second at least', 1, 100],
    ['nine times as long as it took', 50, 450],
    ['a second at most', 500, 1_000],
  ])('is kept for %s', async (_, tookMs, keptMs) => {
    const { take, wait } = setUp(tookMs)
    const { release } = await take()
    release()
    wait(keptMs)
    const { value, release: releaseAgain } = await take()
    releaseAgain()
    expect(value).toBe(1)
    wait(1)
    expect((await take()).value).toBe(2)
  })

  test('is kept for up to a second while somebody still reads it', async () => {
    const { take, wait } = setUp(1)
    await take()
    wait(1_000)
    expect((await take()).value).toBe(1)
    wait(1)
    expect((await take()).value).toBe(2)
  })

  test('counts a reader once, however often it lets go', async () => {
    const { take, wait } = setUp(1)
    const [first] = [await take(), await take()]
    first.release()
    first.release()
    wait(1_000)
    expect((await take()).value).toBe(1)
  })
})

describe('JSON for people', () => {
  test.each([
    [{ dependencies: { a: { kind: 'tcp', nodes: [1, { b: 2 }] }, b: 'x\ny' }, server: { hosts: [] }, n: 1 }],
    [
      {
        dependencies: {},
        gone: undefined,
        inside: { gone: undefined, deep: { gone: undefined } },
        '"': null,
      },
    ],
    [{}],
    [[{ a: 1 }]],
    [null],
  ])('is what JSON.stringify writes', async value => {
    expect(String(await prettyJsonInSlices(value))).toBe(JSON.stringify(value, null, 2))
  })

  test('is built in slices', async () => {
    const { count, most } = countInTurns()
    const entries = Array.from({ length: 100 }, (_, i) => [`d${i}`, { toJSON: () => [count()] }])
    await prettyJsonInSlices({ dependencies: Object.fromEntries(entries) })
    expect(most()).toBeLessThanOrEqual(3)
  })
})
