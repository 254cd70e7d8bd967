/** The keys that a schema knows, found by walking it, and hints for those that it does not know. */
import { z } from 'zod'
import { optionsOf } from '../model/definition.ts'
import type { Borrowing, Kind } from '../model/kind.ts'
import { settings } from '../model/settings.ts'
import type { Report } from './problem.ts'
import { nearest } from './suggest.ts'
import { type Branch, join } from './tree.ts'

/** The schemas that a value may have, without optional, default and the like: one for each member of a union. */
export function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const { def } = schema._zod as unknown as { def: Definition }
  const inner = def.type === 'pipe' ? def.in : def.innerType
  if (inner !== undefined) return alternatives(inner)
  return def.options === undefined ? [schema] : def.options.flatMap(alternatives)
}

/** The parts of zod's definitions that lead to another schema. */
interface Definition {
  readonly type: string
  readonly in?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
  readonly options?: readonly z.core.$ZodType[]
}

/** Whether a key of this schema has a twin that names a file: marked by `.meta({ file: true })` at any of its layers. */
export function hasFileTwin(schema: z.core.$ZodType): boolean {
  if (z.globalRegistry.get(schema)?.file === true) return true
  const { def } = schema._zod as unknown as { def: Definition }
  const inner = def.type === 'pipe' ? def.in : def.innerType
  return inner !== undefined && hasFileTwin(inner)
}

/** The schemas of a key's value among the alternatives; none if no object among them knows it. */
export function valuesOf(schemas: readonly z.core.$ZodType[], key: string): readonly z.core.$ZodType[] {
  return schemas.flatMap(schema => {
    if (schema instanceof z.ZodObject && Object.hasOwn(schema.shape, key))
      return [schema.shape[key] as z.ZodType]
    return schema instanceof z.ZodRecord ? [schema.valueType] : []
  })
}

/** The schemas of the items of a list. */
export function itemsOf(schemas: readonly z.core.$ZodType[]): readonly z.core.$ZodType[] {
  return schemas.flatMap(schema => (schema instanceof z.ZodArray ? [schema.element] : []))
}

/** The keys that the objects among the schemas know, twins included. */
function keysOf(schemas: readonly z.core.$ZodType[]): readonly string[] {
  const objects = schemas.filter(schema => schema instanceof z.ZodObject)
  return objects.flatMap(({ shape }) =>
    Object.entries(shape).flatMap(([key, value]) =>
      hasFileTwin(value as z.ZodType) ? [key, `${key}File`] : [key],
    ),
  )
}

/** A hint for an unknown key of a dependency of a kind; `parents` lead to the map that holds it. */
export function hintForDependency(
  key: string,
  parents: readonly string[],
  kind: Kind,
  kinds: readonly Kind[],
) {
  if (parents.length > 0) return hintFor(key, parents, optionsOf(kind))
  const others = kinds.filter(kind => knows(optionsOf(kind), key)).map(other => other.name)
  if (others.length > 0) return `${key} is a key of ${others.join(' and ')}, not of ${kind.name}`
  return didYouMean(key, ['kind', ...keysOf([settings, optionsOf(kind)])])
}

/** A hint for an unknown key of the file's own sections. */
export function hintForSection(
  key: string,
  parents: readonly string[],
  root: z.ZodObject,
  kinds: readonly Kind[],
) {
  const near = hintFor(key, parents, root)
  if (parents.length === 0)
    return near ?? (Object.hasOwn(settings.shape, key) ? 'put it under defaults' : undefined)
  const ofKind = parents[0] === 'defaults' && kinds.some(kind => knows(optionsOf(kind), key))
  return ofKind ? 'defaults holds the keys that every dependency has' : near
}

/** A hint for an unknown key anywhere within a schema. */
export function hintFor(key: string, parents: readonly string[], schema: z.ZodType): string | undefined {
  return hintAmong(key, schemasAt([schema], parents))
}

function hintAmong(key: string, schemas: readonly z.core.$ZodType[]): string | undefined {
  return didYouMean(key, keysOf(schemas))
}

function didYouMean(key: string, candidates: readonly string[]): string | undefined {
  const meant = nearest(key, candidates)
  return meant && `did you mean ${meant}?`
}

/** The schemas that a value at these keys may have. */
export function schemasAt(
  schemas: readonly z.core.$ZodType[],
  steps: readonly string[],
): readonly z.core.$ZodType[] {
  return steps.reduce(
    (within, step) => [...valuesOf(within, step), ...itemsOf(within)].flatMap(alternatives),
    schemas.flatMap(alternatives),
  )
}

function knows(options: z.ZodObject, key: string): boolean {
  if (Object.hasOwn(options.shape, key)) return true
  const option = key.slice(0, -'File'.length)
  return key.endsWith('File') && valuesOf([options], option).some(hasFileTwin)
}

/** Reports where a kind could ask through a client of the application, which a config file does not have. */
export function hintClient(
  kind: Kind & Partial<Borrowing>,
  own: Branch,
  path: string,
  report: Report,
): Report {
  const { clientKey } = kind
  if (clientKey === undefined) return report
  return problem => {
    const key = [...own.entries.keys()].find(each => join(path, each) === problem.path)
    const meant = key !== undefined && nearest(key, [clientKey]) !== undefined
    const isMissing = ['url', 'host'].some(
      each => join(path, each) === problem.path && !own.entries.has(each),
    )
    if (meant) report({ ...problem, hint: `did you mean ${clientKey}?` })
    else if (isMissing) report({ ...problem, hint: `or give ${clientKey}, a client of the application` })
    else report(problem)
  }
}
