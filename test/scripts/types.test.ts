/** What an editor shows an application: every export, member and option is described, and every type can be named. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTypes, type Described, optionSchemas } from '../../scripts/types.ts'
import { kinds } from '../../src/kinds/index.ts'
import { type Declared, isDocumented, type Node, readTypes, type Types } from '../support/types.ts'

let folder = ''
let types: Types
let exported: readonly Declared[]
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsecheck-types-'))
  buildTypes(folder)
  types = readTypes()
  exported = [...types.exportsOf(join(folder, 'index.d.ts')).values()]
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** The members of an interface, of a class, or of an object type. */
function membersOf({ node }: Declared): readonly Node[] {
  const { body } = (node.body ?? node.typeAnnotation ?? {}) as { body?: readonly Node[] }
  const { members = body ?? [] } = (node.typeAnnotation ?? {}) as { members?: readonly Node[] }
  // What is private or computed is nothing that anybody calls by its name.
  return members.filter(({ type, computed, key }) => {
    return /Property|Method/.test(type) && computed !== true && (key as Node).type !== 'PrivateIdentifier'
  })
}

function nameOf({ key }: Node): string {
  const { name, value } = key as { name?: string; value?: string }
  return name ?? value ?? ''
}

test('every export has a doc comment', () => {
  expect(exported.length).toBeGreaterThan(100)
  expect(exported.filter(({ text, start }) => !isDocumented(text, start)).map(({ name }) => name)).toEqual([])
})

test('and so has every member of every interface, class and object type, inherited ones included', () => {
  const seen = new Set(exported)
  for (const each of seen) for (const mentioned of types.mentionedBy(each)) seen.add(mentioned)
  const members = [...seen].flatMap(each => membersOf(each).map(member => ({ each, member })))
  expect(members.length).toBeGreaterThan(250)
  const bare = members.filter(({ each, member }) => !isDocumented(each.text, member.start))
  expect(bare.map(({ each, member }) => `${each.name}.${nameOf(member)}`)).toEqual([])
})

test('every type that a signature mentions is exported, unless only its own file knows it', () => {
  const seen = new Set(exported)
  const missing: string[] = []
  for (const each of seen)
    for (const mentioned of types.mentionedBy(each)) {
      if (seen.has(mentioned)) continue
      seen.add(mentioned)
      const isLocal = !mentioned.text.startsWith('export', mentioned.start)
      if (!isLocal) missing.push(`${mentioned.name}, in ${each.name}`)
    }
  expect(missing).toEqual([])
})

describe.each(kinds.map(kind => ({ name: kind.name, kind })))('$name', ({ name, kind }) => {
  /** The descriptions of all options, those of nested objects included. */
  function descriptionsIn({ properties = {}, anyOf = [], oneOf = [] }: Described): readonly string[] {
    const own = Object.values(properties).map(({ description }) => description ?? 'not described')
    const inner = [...Object.values(properties), ...anyOf, ...oneOf]
    return [...own, ...inner.flatMap(descriptionsIn)]
  }

  test('shows the description of each option', () => {
    const [, file = ''] = exported.map(({ name, file }) => [name, file]).find(([each]) => each === name) ?? []
    const text = readFileSync(file, 'utf8')
    const descriptions = optionSchemas(kind).flatMap(descriptionsIn)
    expect(descriptions.filter(each => !text.includes(`/** ${each} */`))).toEqual([])
  })
})
