/** Where a value stands in a JSON document, and whether it is the expected one. */

/** The way from the top of a document down: keys of objects, and indices of arrays as digits. */
export type JsonPath = readonly string[]

/** A key of plain characters, after a dot unless it comes first; an index in brackets; a key in brackets and quotes. */
const step = /(?:^|\.)([^.[\]"'$\s]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y

/**
 * Reads a path such as `checks[0].status`, also written `checks.0.status`. A key that holds a dot, a bracket, a
 * quote, a `$` or a space stands in brackets as a JSON string: `["a.b"].c`. Undefined if the text is no path.
 */
export function parsePath(text: string): JsonPath | undefined {
  if (text === '' || text.startsWith('.')) return undefined
  const path: string[] = []
  for (let at = 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at
    const [, key, index, quoted] = step.exec(text) ?? []
    const next = quoted === undefined ? (key ?? index) : unquoted(quoted)
    if (next === undefined) return undefined
    path.push(next)
  }
  return path
}

/** The value at a path, or undefined if there is none. Only what the document itself holds is found. */
export function valueAt(document: unknown, path: JsonPath): unknown {
  let value = document
  for (const key of path) {
    if (!isContainer(value) || !Object.hasOwn(value, key)) return undefined
    if (Array.isArray(value) && key === 'length') return undefined
    value = value[key]
  }
  return value
}

/**
 * Whether two JSON values are equal: the same type, the same keys in any order, the same items in order. JSON has one
 * number zero, so -0 equals 0. The recursion is as deep as the expected value, whatever the actual one holds.
 */
export function sameJson(expected: unknown, actual: unknown): boolean {
  if (!isContainer(expected) || !isContainer(actual)) return expected === actual
  const keys = Object.keys(expected)
  return (
    Array.isArray(expected) === Array.isArray(actual) &&
    keys.length === Object.keys(actual).length &&
    keys.every(key => Object.hasOwn(actual, key) && sameJson(expected[key], actual[key]))
  )
}

/** Whether a JSON value is an object or an array. */
function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text))
  } catch {
    return undefined
  }
}
