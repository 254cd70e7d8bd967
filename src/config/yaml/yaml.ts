/**
 * From the text of a YAML file to a tree with places. What makes YAML surprising is refused: several documents, tags,
 * directives, merge keys, keys that are no text, duplicate keys, and keys that mean something to JavaScript. Aliases
 * are allowed, but not within an anchored value: so they add up and never multiply.
 */
import { isAlias, isMap, isScalar, isSeq, type ParsedNode, type YAMLMap } from 'yaml'
import type { Place, Report, Words } from '../problem.ts'
import { type Branch, type Entry, join, type Leaf, type Scalar, type Tree } from '../tree.ts'
import { compose, linesOf } from './compose.ts'

/** Values that aliases may repeat in all. */
export const maxAliased = 10_000

const refusedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The tree of a text, or undefined after its problems have been reported. Problems inside leave the rest readable. */
export function readYaml(file: string, text: string, report: Report): Tree | undefined {
  const lines = linesOf(text)
  const place = (offset: number): Place => ({ file, ...lines.at(offset) })
  const document = compose(text, lines, (offset, words) => report({ ...place(offset), path: '', ...words }))
  if (document === undefined) return undefined
  return createReader(place, report).read(document.contents, '', 0)
}

interface Reader {
  /** @param at the position of the value, or where it would be if there is none. */
  read(node: ParsedNode | null, path: string, at: number): Tree
}

function createReader(place: (offset: number) => Place, report: Report): Reader {
  const anchors = new Map<string, { readonly tree: Tree; readonly size: number }>()
  let withinAnchor = 0
  let count = 0
  let aliased = 0

  function refuse(at: Place, path: string, message: string, hint?: string): Leaf {
    report({ ...at, path, message, hint })
    return { type: 'leaf', place: at, value: null, plain: true, broken: true }
  }

  function read(node: ParsedNode | null, path: string, at: number): Tree {
    const here = place(node?.range[0] ?? at)
    count += 1
    if (node === null) return { type: 'leaf', place: here, value: null, plain: true }
    if (isAlias(node)) return follow(node.source, path, here)
    if (node.tag !== undefined) return refuse(here, path, 'tags are not supported')
    return node.anchor === undefined
      ? readBare(node, path, here)
      : readAnchored(node, node.anchor, path, here)
  }

  function readAnchored(node: ParsedNode, anchor: string, path: string, here: Place): Tree {
    const before = count
    withinAnchor += 1
    const tree = readBare(node, path, here)
    withinAnchor -= 1
    anchors.set(anchor, { tree, size: count - before + 1 })
    return tree
  }

  function follow(anchor: string, path: string, here: Place): Tree {
    if (withinAnchor > 0) return refuse(here, path, 'an anchored value cannot hold an alias')
    const found = anchors.get(anchor)
    if (found === undefined) return refuse(here, path, 'alias without an anchor before it')
    aliased += found.size
    if (aliased <= maxAliased) return found.tree
    // Once is enough, however many follow.
    if (aliased - found.size <= maxAliased)
      refuse(here, path, `aliases repeat more than ${maxAliased} values`)
    return { type: 'leaf', place: here, value: null, plain: true, broken: true }
  }

  function readBare(node: ParsedNode, path: string, here: Place): Tree {
    if (isSeq(node)) {
      const items = node.items.map((item, i) => read(item as ParsedNode, `${path}[${i}]`, node.range[0]))
      return { type: 'list', place: here, items }
    }
    if (isMap(node)) return readMap(node as YAMLMap.Parsed, path, here)
    const scalar = isScalar(node) ? node : undefined
    return { type: 'leaf', place: here, value: scalar?.value as Scalar, plain: scalar?.type === 'PLAIN' }
  }

  function readMap(node: YAMLMap.Parsed, path: string, here: Place): Branch {
    const entries = new Map<string, Entry>()
    for (const { key, value } of node.items) {
      const offset = key?.range[0] ?? node.range[0]
      const fault = keyFault(key, value, entries)
      // Without a colon, a key may be half of a value that should have been in quotes.
      const name = isScalar(key) && value !== null ? String(key.value) : undefined
      if (fault !== undefined) refuse(place(offset), join(path, name), fault.message, fault.hint)
      const tree = read(value, join(path, name), offset)
      if (fault === undefined && name !== undefined)
        entries.set(name, { written: name, place: place(offset), value: tree })
    }
    const broken = entries.size < node.items.length
    return { type: 'branch', place: here, entries, broken }
  }

  return { read }
}

type Node = ParsedNode | null

function keyFault(key: Node, value: Node, known: ReadonlyMap<string, Entry>): Words | undefined {
  if (!isScalar(key) || key.tag !== undefined || key.anchor !== undefined)
    return { message: 'a key must be plain text' }
  if (value === null)
    return { message: 'a key without a colon', hint: 'a value that holds a comma needs quotes' }
  if (typeof key.value !== 'string') return { message: 'a key must be text', hint: 'put it in quotes' }
  if (key.value === '<<')
    return { message: 'merge keys are not supported', hint: 'put shared keys under defaults' }
  if (refusedKeys.has(key.value)) return { message: 'this key is not allowed' }
  const first = known.get(key.value)
  return first && { message: `duplicate key, first on line ${first.place.line}` }
}
