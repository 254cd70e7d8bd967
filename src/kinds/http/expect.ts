/** What an HTTP answer must be like, and the failure if it is not. */
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { CheckError } from '../../model/dependency.ts'
import { findFailure } from '../../model/failure.ts'
import { meets, pattern, textExpectation } from '../shared/options.ts'
import { failures } from './failures.ts'
import type { Answer } from './request.ts'

export interface StatusRange {
  readonly from: number
  readonly to: number
}

/** A status, `200`, or a range of them, `200-299`. A final status is 200 or more: RFC 9110, section 15. */
const statusRange: z.ZodType<StatusRange, number | string> = z
  .union([z.int(), z.string()], { error: 'expected a status such as 200, or a range such as 200-299' })
  .transform((given, context) => {
    const [, first, last = first] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(given)) ?? []
    const range = { from: Number(first), to: Number(last) }
    if (range.from >= 200 && range.from <= range.to) return range
    context.addIssue({
      code: 'custom',
      message: 'expected a status from 200 on, such as 200, or a range such as 200-299',
    })
    return z.NEVER
  })

const jsonPath = z.string().refine(text => parsePath(text) !== undefined, {
  error: 'expected a path such as status, checks[0].status or ["a.b"].c; it starts at the top, without $',
})

const some = { error: 'expected at least one entry' }

export const expectation = z.strictObject({
  status: z
    .array(statusRange)
    .min(1)
    .optional()
    .describe('Statuses to accept: codes and ranges. Default [200-299].'),
  headers: z
    .record(z.string().min(1), pattern)
    .refine(record => Object.keys(record).length > 0, some)
    .optional()
    .describe('Header names, each with a pattern (RE2 syntax) that must match somewhere in the value.'),
  body: textExpectation.optional().describe('What to expect of the body, as text.'),
  json: z
    .record(jsonPath, z.json())
    .refine(record => Object.keys(record).length > 0, some)
    .optional()
    .describe(
      'Paths into the JSON body, such as checks[0].status, each with the value that must be found there.',
    ),
})

type Expectation = z.output<typeof expectation>

const success: readonly StatusRange[] = [{ from: 200, to: 299 }]

const kibibyte = 1_024

/**
 * Returns the largest body, in bytes, that this expectation can judge. Judging blocks the event loop, for 25 ms at most:
 * 1 MiB of the worst input takes 45 ms to match, 40 ms to parse as JSON, and 8 ms to decode and search. A pattern that
 * multiplies the states of its automaton, such as `(a|b).{20}$`, takes longer on a body of any size.
 */
export function mostJudgeable({ body, json }: Expectation): number {
  if (body?.matches !== undefined) return 256 * kibibyte
  if (json !== undefined) return 512 * kibibyte
  return body === undefined ? Number.POSITIVE_INFINITY : 2_048 * kibibyte
}

/** Whether an answer with this status can be as expected. */
export function isExpected(expect: Expectation, status: number): boolean {
  return (expect.status ?? success).some(({ from, to }) => status >= from && status <= to)
}

/**
 * Refuses an answer that is not as expected. Messages say what was expected, and of the answer nothing but its status.
 *
 * @throws CheckError with detail `http_<status>`, `header_mismatch`, `body_mismatch` or `json_mismatch`.
 */
export function verify(expect: Expectation, { status, headers, body }: Answer): void {
  if (!isExpected(expect, status)) throw badStatus(expect, status)
  verifyHeaders(expect, headers)
  if (expect.body === undefined && expect.json === undefined) return
  const text = new TextDecoder().decode(body)
  if (expect.body !== undefined && !meets(expect.body, text))
    throw unhealthy('body_mismatch', 'the body is not what is expected')
  if (expect.json !== undefined) verifyJson(expect.json, text)
}

function badStatus(expect: Expectation, status: number): CheckError {
  const detail = `http_${status}`
  const [reason] = findFailure(failures, detail) ?? failures['http_*']
  const wanted = (expect.status ?? success).map(({ from, to }) => (from === to ? from : `${from}-${to}`))
  return new CheckError(reason, detail, `status ${status}, expected ${wanted.join(', ')}`)
}

function verifyHeaders(expect: Expectation, headers: IncomingHttpHeaders): void {
  for (const [name, wanted] of Object.entries(expect.headers ?? {})) {
    const key = name.toLowerCase()
    const value = Object.hasOwn(headers, key) ? headers[key] : undefined
    if (value === undefined) throw unhealthy('header_mismatch', `header ${name} is missing`)
    if (!wanted.test([value].flat().join(', ')))
      throw unhealthy('header_mismatch', `header ${name} does not match ${wanted.pattern()}`)
  }
}

function verifyJson(expect: Readonly<Record<string, unknown>>, text: string): void {
  const document = parseJson(text)
  for (const [path, wanted] of Object.entries(expect)) {
    const value = findValue(document, parsePath(path) ?? [])
    if (value === undefined) throw unhealthy('json_mismatch', `the body has no ${path}`)
    if (!isSameJson(wanted, value))
      throw unhealthy('json_mismatch', `in the body, ${path} is not ${JSON.stringify(wanted)}`)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unhealthy('json_mismatch', 'the body is not JSON')
  }
}

function unhealthy(detail: string, message: string): CheckError {
  return new CheckError('unhealthy', detail, message)
}

/** The path from the top of a JSON document: keys of objects, and indices of arrays as digits. */
type JsonPath = readonly string[]

/** A key of plain characters, after a dot unless it comes first; an index in brackets; a key in brackets and quotes. */
const step = /(?:^|\.)([^.[\]"'$\s]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y

/**
 * Reads a path such as `checks[0].status`, also written `checks.0.status`. A key that contains a dot, a bracket, a quote, a
 * `$` or a space is written as a JSON string in brackets: `["a.b"].c`. Undefined if the text is not a path.
 */
function parsePath(text: string): JsonPath | undefined {
  if (text === '' || text.startsWith('.')) return undefined
  const path: string[] = []
  for (let at = 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at
    const [, key, index, quoted] = step.exec(text) ?? []
    const next = quoted === undefined ? (key ?? index) : unquote(quoted)
    if (next === undefined) return undefined
    path.push(next)
  }
  return path
}

/** Finds the value at a path; undefined if there is none. Finds only what the document itself contains. */
function findValue(document: unknown, path: JsonPath): unknown {
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
function isSameJson(expected: unknown, actual: unknown): boolean {
  if (!isContainer(expected) || !isContainer(actual)) return expected === actual
  const keys = Object.keys(expected)
  return (
    Array.isArray(expected) === Array.isArray(actual) &&
    keys.length === Object.keys(actual).length &&
    keys.every(key => Object.hasOwn(actual, key) && isSameJson(expected[key], actual[key]))
  )
}

/** Whether a JSON value is an object or an array. */
function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function unquote(text: string): string | undefined {
  try {
    return String(JSON.parse(text))
  } catch {
    return undefined
  }
}
