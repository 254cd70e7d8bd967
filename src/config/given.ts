/** What an application gives, as the same tree as that of a file: with paths, but without places. */
import { isPlain } from '../model/secret.ts'
import type { Entry, Scalar, Tree } from './tree.ts'

/** Data are taken apart, so that a problem has its path. All else, such as a client of the application, stays as it is. */
export function treeOf(value: unknown, parents: readonly unknown[] = []): Tree {
  const inner = (each: unknown) => treeOf(each, [...parents, value])
  if (parents.includes(value)) return leaf(null)
  if (Array.isArray(value)) return { type: 'list', place, items: value.map(inner) }
  return isData(value) ? branchOf(value, inner) : leaf(value as Scalar)
}

function branchOf(value: Readonly<Record<string, unknown>>, inner: (value: unknown) => Tree): Tree {
  const given = Object.entries(value).filter(([, each]) => each !== undefined)
  const entries = given.map(([key, each]): [string, Entry] => [
    key,
    { written: key, place, value: inner(each) },
  ])
  return { type: 'branch', place, entries: new Map(entries) }
}

/** The options of a kind are data at the top, even if one of them is a function. */
export function optionsTree(options: unknown): Tree {
  return isPlain(options) ? branchOf(options, treeOf) : treeOf(options)
}

/** An object with methods is a thing, and not data, whatever its class. */
function isData(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlain(value) && !Object.values(value).some(each => typeof each === 'function')
}

export const place = { file: '', line: 1, column: 1 } as const
export const nowhere = { written: undefined, place } as const

function leaf(value: Scalar): Tree {
  return { type: 'leaf', place, value, plain: true }
}
