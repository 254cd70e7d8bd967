/** What to say of an unknown key. */
import type { z } from 'zod'
import type { Kind } from '../model/kind.ts'
import { optionsOf } from '../model/options.ts'
import { settings } from '../model/settings.ts'
import { alternatives, hasFileTwin, itemsOf, keysOf, valuesOf } from './fields.ts'
import { nearest } from './nearest.ts'

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
