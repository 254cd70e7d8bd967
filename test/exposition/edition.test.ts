import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createColumn, type Pages } from '../../src/exposition/column.ts'
import { createEdition, type Rendering } from '../../src/exposition/edition.ts'
import { share } from '../../src/model/sequence.ts'

/** An edition over one column of the given size, and every snapshot that it took. */
function editionOf(size: number) {
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
    edition: createEdition(take, () => 0),
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

  test('when its stream has been read to the end', async () => {
    const { edition, readers } = editionOf(large)
    const { body } = await edition.plain()
    await turn()
    expect(readers()).toEqual([1])
    await (body as Readable).toArray()
    await turn()
    await turn()
    expect(readers()).toEqual([0])
  })

  test('when its stream is destroyed unread', async () => {
    const { edition, readers } = editionOf(large)
    const { body } = await edition.plain()
    ;(body as Readable).destroy()
    for (let i = 0; i < 3; i++) await turn()
    expect(readers()).toEqual([0])
  })

  test('once, by the last of those who share it', async () => {
    const { edition, readers } = editionOf(large)
    const [one, other, gzip] = [edition.plain(), edition.plain(), edition.gzipped()]
    await ((await one).body as Readable).toArray()
    await gzip
    await turn()
    expect(readers()).toEqual([1])
    ;((await other).body as Readable).destroy()
    for (let i = 0; i < 3; i++) await turn()
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

test('the event loop turns between two pieces, even where a reader takes them all at once', async () => {
  const { edition } = editionOf(large)
  const { body } = await edition.plain()
  let turns = 0
  let reading = true
  const count = () => {
    turns += 1
    if (reading) setImmediate(count)
  }
  setImmediate(count)
  let pieces = 0
  for await (const _ of body as Readable) pieces += 1
  reading = false
  expect(pieces).toBeGreaterThan(5)
  expect(turns).toBeGreaterThanOrEqual(pieces - 1)
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
