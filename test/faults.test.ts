/** docs/faults.md cannot lose a row: each fault of the catalogue is played, or says why not and which tests hold it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { prose, read, root } from './docs/documents.ts'
import { ids, idsOf } from './faults/catalogue.ts'
import { ownParts, scenes } from './faults/scenes.ts'

const page = 'docs/faults.md'

/** The tables of the page: their cells, with the head of each column. */
const rows = prose(page)
  .split('\n\n')
  .flatMap(block => {
    const [head, , ...lines] = block
      .trim()
      .split('\n')
      .filter(line => line.startsWith('|'))
      .map(cells)
    return head?.[0] === '#' ? lines.map(line => ({ head, cells: line })) : []
  })
const isUnplayed = ({ head }: (typeof rows)[number]) => head[1] === 'not played'

function cells(line: string): readonly string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map(cell => cell.trim())
}

const unplayed = [
  ...Object.values(scenes).flatMap(({ script }) => script.unplayed ?? []),
  ...Object.values(ownParts).flatMap(part => part.unplayed ?? []),
]

describe(page, () => {
  const listed = rows.flatMap(({ cells: [id = ''] }) => idsOf({ id }))

  test.each(ids)('has a row for %s', id => {
    expect(listed).toContain(id)
  })

  test('has no row that the catalogue does not know', () => {
    expect(listed.filter(id => !ids.includes(id))).toEqual([])
  })

  test('says of every row that was played how it ended', () => {
    const outcomes = rows.filter(row => !isUnplayed(row)).map(({ cells }) => cells.at(-1))
    expect(outcomes.length).toBeGreaterThan(80)
    expect(outcomes.filter(outcome => !/^held$|^\*\*broken\*\*: ./.test(outcome ?? ''))).toEqual([])
  })

  test('says why the others were not, in the words of the suite', () => {
    const found = rows.filter(isUnplayed).map(({ cells: [id, fault, why] }) => ({ id, fault, why }))
    expect(found).toEqual(unplayed.map(({ id, fault, why }) => ({ id, fault, why })))
  })
})

describe('the tests that hold what is not played', () => {
  const named = [...new Set(unplayed.flatMap(({ heldBy = [] }) => heldBy))]

  test.each(named)('%s', each => {
    const [file = '', ...name] = each.split(': ')
    expect(readFileSync(join(root, file), 'utf8')).toContain(name.join(': '))
  })

  test('are named', () => {
    expect(named.length).toBeGreaterThan(30)
    expect(read(page)).toContain(`(“${named[0]?.split(': ').slice(1).join(': ')}”)`)
  })
})
