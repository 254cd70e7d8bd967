/** Families that say when their samples are those of before are not rendered again, and never show what is no longer so. */
import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { Family } from '../../src/exposition/family.ts'

interface Subject {
  readonly name: string
  readonly kept: number
}

function setup() {
  const rendered: string[] = []
  const family: Family<Subject> = {
    name: 'kept',
    type: 'gauge',
    help: 'Changes rarely.',
    samples: ({ name, kept }) => {
      rendered.push(name)
      return [{ labels: { name }, value: kept }]
    },
    isSame: (subject, before) => subject.kept === before.kept,
  }
  const exposition = createExposition()
  const lines = async (accept?: string) => {
    const { body } = await exposition.respond(accept, undefined)
    const text = Buffer.isBuffer(body) ? body.toString() : Buffer.concat([...body]).toString()
    return text.split('\n').filter(line => line.startsWith('kept'))
  }
  return { group: exposition.group([family]), rendered, lines }
}

test('what is the same is rendered once', async () => {
  const { group, rendered, lines } = setup()
  group.set('a', { name: 'a', kept: 1 })
  expect(await lines()).toEqual(['kept{name="a"} 1'])
  group.set('a', { name: 'a', kept: 1 })
  expect(rendered).toEqual(['a'])
  group.set('a', { name: 'a', kept: 2 })
  expect(await lines()).toEqual(['kept{name="a"} 2'])
})

test('a subject that was deleted and comes again is rendered', async () => {
  const { group, lines } = setup()
  await lines()
  group.set('a', { name: 'a', kept: 1 })
  group.delete('a')
  group.set('a', { name: 'a', kept: 1 })
  expect(await lines()).toEqual(['kept{name="a"} 1'])
})

test('a subject that is set again while a new format catches up is rendered', async () => {
  const { group, lines } = setup()
  group.set('a', { name: 'a', kept: 1 })
  const first = lines('application/openmetrics-text;version=1.0.0')
  group.set('a', { name: 'a', kept: 1 })
  expect(await first).toEqual(['kept{name="a"} 1'])
})
