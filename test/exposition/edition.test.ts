import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createColumn, type Pages } from '../../src/exposition/column.ts'
import { createEdition, type Rendering } from '../../src/exposition/edition.ts'
import { share } from '../../src/model/turns.ts'

/** An edition over one column of the given size, and every snapshot that it took. */
function editionOf(size: number, now = () => 0) {
  const column = createColumn()
  column.write(0, Buffer.alloc(size, 'x'))
  const taken: Pages[] = []
  const take = async (): Promise<Rendering> => {
    const pages: Pages = { blocks: [], used: [] }
    column.snapshot(pages)
    taken.push(pages)
    return { pages, size: column.size() }
  }
  return {
    column,
    edition: createEdition(take, now),
    readers: () => taken.map(pages => pages.blocks[0]?.readers),
  }
}

const small = 1_000
const large = 2_000_000

describe('a snapshot is released', () => {
  test('when it is compressed, and not before', async () => {
    const { edition, readers } = editionOf(large)
    const compressing = edition.gzipped()
    for (let i = 0; i < 3; i++) await turn()
    expect(readers()).toEqual([1])
    await compressing
    await turn()
    expect(readers()).toEqual([0])
  })

  test('when it was compressed while others read another', async () => {
    const { edition, readers } = editionOf(large)
    await edition.plain()
    await edition.gzipped()
    await turn()
    expect(readers()).toEqual([1, 1])
  })

  test('never where its pages were lent, though others compressed them', async () => {
    const { edition, readers } = editionOf(large)
    await Promise.all([edition.gzipped(), edition.plain()])
    for (let i = 0; i < 3; i++) await turn()
    expect(readers()).toEqual([1])
  })

  test('when it is compressed, though others have copied it before', async () => {
    const { edition, readers } = editionOf(200_000)
    const compressing = edition.gzipped()
    await edition.plain()
    await turn()
    expect(readers()).toEqual([1])
    await compressing
    await turn()
    expect(readers()).toEqual([0])
  })

  test('at once where the body is one buffer', async () => {
    const { edition, readers } = editionOf(small)
    const bodies = await Promise.all([edition.plain(), edition.plain()])
    await turn()
    expect(readers()).toEqual([0])
    expect(bodies.map(({ body }) => Buffer.isBuffer(body) && body.length)).toEqual([small, small])
  })
})

test.each([0, small, 256 * 1024, 256 * 1024 + 1, large])('%i bytes are the same compressed', async size => {
  const compressed = await editionOf(size).edition.gzipped()
  expect(gunzipSync(compressed).equals(Buffer.alloc(size, 'x'))).toBe(true)
})

test('what a reader got stays as it is after its release, since a socket may still hold it', async () => {
  const { edition, column } = editionOf(large)
  const { body, release } = await edition.plain()
  const pieces = [...(body as Iterable<Buffer>)]
  release!()
  for (let i = 0; i < 3; i++) await turn()
  column.write(0, Buffer.alloc(large, 'y'))
  expect(Buffer.concat(pieces).equals(Buffer.alloc(large, 'x'))).toBe(true)
})

test('slow readers of one snapshot hold the same bytes, not copies of them', async () => {
  const { edition } = editionOf(large)
  const bodies = await Promise.all([edition.plain(), edition.plain()])
  const pieces = bodies.flatMap(({ body }) => [...(body as Iterable<Buffer>)])
  expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(1)
})

test('a snapshot is shared until each of its readers has released it, once or twice', async () => {
  const { edition, readers } = editionOf(large)
  const first = await edition.plain()
  const second = await edition.plain()
  expect(second.shares).toBe(first.shares)
  first.release!()
  first.release!()
  const third = await edition.plain()
  expect(third.shares).toBe(first.shares)
  expect(readers()).toHaveLength(1)
  second.release!()
  third.release!()
  expect((await edition.plain()).shares).not.toBe(first.shares)
  expect(readers()).toHaveLength(2)
})

test('a snapshot that slow readers hold is shared for a second, and releasing it takes nothing from the next', async () => {
  let now = 5_000
  const { edition } = editionOf(large, () => now)
  const first = await edition.plain()
  now += 999
  const other = await edition.plain()
  expect(other.shares).toBe(first.shares)
  now += 1
  const second = await edition.plain()
  expect(second.shares).not.toBe(first.shares)
  first.release!()
  other.release!()
  expect((await edition.plain()).shares).toBe(second.shares)
})

test('a flight that fails fails for all aboard, and the next one is a new one', async () => {
  let flights = 0
  const fly = share(async () => {
    flights += 1
    await turn()
    if (flights === 1) throw new Error('lost')
    return flights
  })
  expect(await Promise.allSettled([fly(), fly()])).toMatchObject([
    { status: 'rejected' },
    { status: 'rejected' },
  ])
  expect(await Promise.all([fly(), fly()])).toEqual([2, 2])
})
