import { Secret } from '../model/secret.ts'

/**
 * Freezes a parsed value and all that it holds. Only lists, plain objects and secrets: a kind's own objects, such as a
 * compiled pattern, may keep notes inside themselves.
 */
export function deepFreeze<T>(value: T): T {
  if (!isPlain(value) || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
  return value
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype === null || prototype === Object.prototype || Array.isArray(value) || value instanceof Secret
  )
}
