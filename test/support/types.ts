/** The published types as a reader of them sees them: what is exported, where it is declared, and what it mentions. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseAst } from 'rolldown/parseAst'

/** A node of the syntax tree, whose kinds this file does not list. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

/** What a name stands for. */
export interface Declared {
  readonly name: string
  readonly file: string
  readonly text: string
  readonly node: Node
  /** Where its statement begins, `export` included: a doc comment ends before it. */
  readonly start: number
}

interface Names {
  readonly declared: Map<string, Declared>
  readonly imported: Map<string, readonly [file: string, name: string]>
  /** By exported name. */
  readonly passedOn: Map<string, readonly [file: string, name: string]>
  readonly wholes: string[]
}

export interface Types {
  /** Everything that a file exports, by name. */
  exportsOf(file: string): ReadonlyMap<string, Declared>
  /** The declarations of ours that a node mentions. */
  mentionedBy(declared: Declared): readonly Declared[]
}

export function readTypes(): Types {
  const read = new Map<string, Names>()
  const namesOf = (file: string): Names => {
    const known = read.get(file) ?? readNames(file)
    read.set(file, known)
    return known
  }

  function find(file: string, name: string): Declared | undefined {
    const { declared, imported, passedOn, wholes } = namesOf(file)
    const from = imported.get(name) ?? passedOn.get(name)
    return (
      declared.get(name) ??
      (from && find(...from)) ??
      wholes.map(whole => find(whole, name)).find(found => found !== undefined)
    )
  }

  function exportsOf(file: string): Map<string, Declared> {
    const { declared, passedOn, wholes } = namesOf(file)
    const all = new Map<string, Declared>(wholes.flatMap(whole => [...exportsOf(whole)]))
    for (const [name, each] of declared) if (each.text.startsWith('export', each.start)) all.set(name, each)
    for (const [name, from] of passedOn) {
      const found = find(...from)
      if (found !== undefined) all.set(name, found)
    }
    return all
  }

  function mentionedBy({ file, node }: Declared): readonly Declared[] {
    const names = nodesIn(node).flatMap(({ type, typeName, expression, argument, source, qualifier }) => {
      if (type === 'TSTypeReference') return [find(file, nameOf(typeName))]
      if (type === 'TSInterfaceHeritage') return [find(file, nameOf(expression))]
      if (type !== 'TSImportType') return []
      const path = String(((source ?? argument) as Node).value ?? '')
      return path.startsWith('.') ? [find(resolve(file, path), nameOf(qualifier))] : []
    })
    return names.filter(each => each !== undefined)
  }

  return { exportsOf, mentionedBy }
}

function readNames(file: string): Names {
  const text = readFileSync(file, 'utf8')
  const { body } = parseAst(text, { lang: 'dts', astType: 'ts' }) as unknown as { body: readonly Node[] }
  const names: Names = { declared: new Map(), imported: new Map(), passedOn: new Map(), wholes: [] }
  for (const statement of body) {
    const { type, start, source } = statement
    const path = source === null || source === undefined ? '' : String((source as Node).value)
    const specifiers = (statement.specifiers ?? []) as readonly Node[]
    if (type === 'ExportAllDeclaration') names.wholes.push(resolve(file, path))
    else if (path.startsWith('.'))
      for (const { local, imported, exported } of specifiers) {
        if (type === 'ImportDeclaration')
          names.imported.set(nameOf(local), [resolve(file, path), nameOf(imported)])
        else names.passedOn.set(nameOf(exported), [resolve(file, path), nameOf(local)])
      }
    else {
      const node = (statement.declaration ?? statement) as Node
      const [first] = (node.declarations ?? []) as readonly Node[]
      const id = (first ?? node).id
      if (id === undefined || id === null) continue
      names.declared.set(nameOf(id), { name: nameOf(id), file, text, node, start })
    }
  }
  return names
}

function resolve(file: string, path: string): string {
  return join(dirname(file), path.replace(/(?:\.d)?\.[jt]s$/, '.d.ts'))
}

function nameOf(node: unknown): string {
  const { name, value } = node as { name?: string; value?: string }
  return name ?? value ?? ''
}

export function nodesIn(node: Node): readonly Node[] {
  const children = Object.values(node).flat().filter(isNode)
  return [node, ...children.flatMap(nodesIn)]
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** Whether a doc comment ends right before this place. */
export function isDocumented(text: string, start: number): boolean {
  return /\*\/\s*$/.test(text.slice(0, start))
}
