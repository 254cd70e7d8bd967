/**
 * The published types: what the compiler emits, with the descriptions of the options of every kind, which editors then
 * show. Option types are inferred from schemas, and descriptions are values of a schema that no inferred type carries.
 */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { z } from 'zod'
import { kinds } from '../src/kinds/index.ts'
import { optionsOf } from '../src/model/definition.ts'
import type { Kind } from '../src/model/kind.ts'

const root = join(import.meta.dirname, '..')

/** A schema of options as JSON Schema has it. */
export interface Described {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Described>>
  readonly items?: Described
  readonly anyOf?: readonly Described[]
  readonly oneOf?: readonly Described[]
}

/** Emits the types of the library into a folder. */
export function buildTypes(folder: string): void {
  // By its file, not by name: the script also runs where npm has not put the compiler on the PATH.
  const compile = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', folder]
  execFileSync(execPath, compile, { cwd: root, stdio: 'inherit' })
  for (const kind of kinds) {
    const [file = ''] = globSync(`kinds/{,*/}${kind.name}.d.ts`, { cwd: folder })
    const path = join(folder, file)
    writeFileSync(path, describeOptions(readFileSync(path, 'utf8'), optionSchemas(kind)))
  }
}

/** The options of a kind and, if it can borrow a client, those with a client. */
export function optionSchemas(kind: Kind & { readonly borrowed?: Kind }): readonly Described[] {
  const both = kind.borrowed === undefined ? [kind] : [kind.borrowed, kind]
  return both.map(
    each => z.toJSONSchema(optionsOf(each), { io: 'input', unrepresentable: 'any' }) as Described,
  )
}

/** Puts the description of each option above it. The compiler writes one key a line. */
export function describeOptions(text: string, schemas: readonly Described[]): string {
  const path: string[] = []
  const lines = text.split('\n').flatMap(line => {
    const [, indent = '', name, type = ''] = /^( +)(\w+)\??: (.*)$/.exec(line) ?? []
    const closed = /^ *\}/.test(line) ? path.pop() : undefined
    if (closed !== undefined && line.endsWith('{')) path.push(closed)
    if (name === undefined) return [line]
    const found = schemas.map(schema => find(schema, [...path, name])).find(each => each !== undefined)
    if (type.endsWith('{')) path.push(name)
    return found?.description === undefined ? [line] : [`${indent}/** ${found.description} */`, line]
  })
  return lines.join('\n')
}

function find(schema: Described, [name, ...rest]: readonly string[]): Described | undefined {
  if (name === undefined) return schema
  const own = schema.properties?.[name]
  if (own !== undefined) return find(own, rest)
  const inside = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.items ? [schema.items] : [])]
  return inside.map(each => find(each, [name, ...rest])).find(each => each !== undefined)
}
