/** The running config in two forms: frozen for use, and printable with secrets hidden. */
import { z } from 'zod'
import type { Dependency } from '../model/dependency.ts'
import { isPlain, Secret } from '../model/secret.ts'
import type { Settings } from '../model/settings.ts'

/**
 * Returns all keys of a dependency, including defaults and values that follow from other keys.
 *
 * @param schema the schema that parsed them.
 */
export function printDependency(
  dependency: Dependency,
  parsed: Settings & Record<string, unknown>,
  schema: z.ZodType,
): unknown {
  const { confirmIntervalMs: confirmInterval, staleAfterMs: staleAfter } = dependency
  const shown = printBySchema({ ...parsed, confirmInterval, staleAfter }, schema)
  return { kind: dependency.kind, target: dependency.target, ...Object(shown) }
}

/** A parsed value as people write it: what a codec has read is encoded again, and secrets are hidden by their type. */
export function printBySchema(value: unknown, schema: z.ZodType): unknown {
  const inner = unwrap(schema)
  if (value === undefined) return undefined
  if (inner instanceof z.ZodCodec) return z.encode(inner, value)
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.map(each => printBySchema(each, inner.element as z.ZodType))
  if (!(inner instanceof z.ZodObject) || !isPlain(value)) return print(value)
  const entries = Object.entries(value).map(([key, each]) => {
    const own = inner.shape[key] as z.ZodType | undefined
    return [key, own === undefined ? print(each) : printBySchema(each, own)]
  })
  return Object.fromEntries(entries)
}

/** The schema without what makes a value optional. */
function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema
}

/** A value as JSON can hold it, with every secret as `<secret>`. A kind's own objects print as text. */
function print(value: unknown): unknown {
  if (value instanceof Secret) return value.toString()
  if (Array.isArray(value)) return value.map(print)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (!isPlain(value)) return String(value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, print(inner)]))
}

/**
 * Freezes a parsed value and all that it holds. Only lists, plain objects and secrets: a kind's own objects, such as a
 * compiled pattern, may keep notes inside themselves.
 */
export function deepFreeze<T>(value: T): T {
  if (!isData(value) || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
  return value
}

function isData(value: unknown): value is object {
  return isPlain(value) || Array.isArray(value) || value instanceof Secret
}
