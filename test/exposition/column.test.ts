import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createColumn, type Pages, release } from '../../src/exposition/column.ts'

function read(pages: Pages): string {
  return pages.blocks.map(({ bytes }, i) => bytes.toString('utf8', 0, pages.used[i])).join('')
}

function snapshotOf(column: ReturnType<typeof createColumn>): Pages {
  const pages: Pages = { blocks: [], used: [] }
  column.snapshot(pages)
  expect(column.size()).toBe(pages.used.reduce((sum, used) => sum + used, 0))
  return pages
}

test('after any changes a column holds its slots in order, and earlier snapshots hold what they held', () => {
  const change = fc.tuple(fc.nat(200), fc.string({ maxLength: 40, unit: 'binary' }))
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 30 }), { maxLength: 8 }), batches => {
      const column = createColumn()
      const model: string[] = []
      const taken: { pages: Pages; expected: string }[] = []
      for (const batch of batches) {
        for (const [slot, text] of batch) {
          column.write(slot, Buffer.from(text))
          model[slot] = text
        }
        taken.push({ pages: snapshotOf(column), expected: model.join('') })
      }
      for (const { pages, expected } of taken) expect(read(pages)).toBe(expected)
    }),
  )
})

test('a page that a snapshot reads is copied by a change, and one that equals what was is not touched', () => {
  const column = createColumn()
  column.write(0, Buffer.from('same'))
  const before = snapshotOf(column)
  column.write(0, Buffer.from('same'))
  expect(snapshotOf(column).blocks[0]).toBe(before.blocks[0])
  column.write(0, Buffer.from('else'))
  expect(snapshotOf(column).blocks[0]).not.toBe(before.blocks[0])
})

test('a page changes in place once all of its snapshots are released, and not before', () => {
  const column = createColumn()
  column.write(0, Buffer.from('one'))
  const [first, second] = [snapshotOf(column), snapshotOf(column)]
  release(second)
  column.write(0, Buffer.from('two'))
  expect([read(first), read(snapshotOf(column))]).toEqual(['one', 'two'])
  const third = snapshotOf(column)
  for (const block of third.blocks) block.readers = 1
  release(third)
  column.write(0, Buffer.from('six'))
  expect(snapshotOf(column).blocks[0]).toBe(third.blocks[0])
})
