/** The keys that every dependency has, whatever its kind. */
import { z } from 'zod'
import { formatDuration, parseDuration } from './notation.ts'

/**
 * A codec between a Prometheus duration and milliseconds, within bounds that are durations themselves. The metadata of its
 * input mark it as a duration, for hints.
 */
export function duration(min: string, max: string): z.ZodType<number, string> {
  const [low, high] = [parseDuration(min) ?? 0, parseDuration(max) ?? 0]
  const text = z
    .string({ error: `expected a duration with its unit, such as ${min} or 15s` })
    .meta({ duration: true })
  return z.codec(text, z.number(), {
    decode(input, { issues }) {
      const ms = parseDuration(input)
      if (ms !== undefined && ms >= low && ms <= high) return ms
      const message =
        ms === undefined
          ? `${quoted(input)}not a duration; write whole numbers with units, such as 500ms, 15s or 1m30s`
          : `${input} is out of range; it must be between ${min} and ${max}`
      issues.push({ code: 'custom', message, input })
      return z.NEVER
    },
    encode: formatDuration,
  })
}

/** Quotes only what looks like a duration: anything else may be a secret under the wrong key. */
function quoted(text: string): string {
  return /^-?\d[\w. ]{0,15}$/.test(text) ? `"${text}" is ` : ''
}

/** Names are label values, path segments and environment variables at once, hence the narrow alphabet. */
const nameForm = /^[a-zA-Z0-9_.-]{1,64}$/
const nameError = 'a name has 1 to 64 characters out of a-z, A-Z, 0-9, "_", "." and "-"'
export const dependencyName = z.string().regex(nameForm, { error: nameError })

/** A name that cannot be used, and why. */
export type NameProblem =
  | { readonly code: 'malformed'; readonly message: string }
  | { readonly code: 'taken'; readonly first: string; readonly isSame: boolean }

/**
 * Returns a function that checks one name after another and returns its problems. Names are unique regardless of case: they
 * are also paths, and files on some systems. `first` is where the first owner of the name is.
 */
export function createNameCheck(): (name: string, where: string) => readonly NameProblem[] {
  const owners = new Map<string, { readonly name: string; readonly where: string }>()
  return (name, where) => {
    const problems: NameProblem[] = []
    // Ten thousand names are checked at a reload, for which the schema is too slow.
    if (!nameForm.test(name)) problems.push({ code: 'malformed', message: nameError })
    const folded = name.toLowerCase()
    const owner = owners.get(folded)
    if (owner === undefined) owners.set(folded, { name, where })
    else problems.push({ code: 'taken', first: owner.where, isSame: owner.name === name })
    return problems
  }
}

/**
 * Upper bounds of the classic duration buckets, in seconds: from a local cache's answer to the longest usual timeout,
 * in steps of about two and a half.
 */
export const defaultBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

const threshold = z.int().min(1).max(100)
const reservedLabels = new Set(['dependency', 'kind', 'target', 'job', 'instance', 'le', 'quantile'])

const labels = z.record(
  z
    .string()
    .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, {
      error: 'a label name has letters, digits and "_", and no digit first',
    })
    .refine(name => !name.startsWith('__') && !reservedLabels.has(name), {
      error: 'this label name is reserved',
    }),
  z.string().max(1024),
)

const sloError = 'an objective is a ratio above 0 and below 1, such as 0.999 for 99.9 %'

/** The keys of every dependency, in addition to those of its kind. */
export const settings = z.strictObject({
  interval: duration('100ms', '1d').default(15_000).describe('Time between two checks. Default 15s.'),
  timeout: duration('10ms', '1h')
    .default(3_000)
    .describe('Deadline of a check; at most the interval. Default 3s.'),
  confirmInterval: duration('10ms', '1d')
    .optional()
    .describe(
      'Time until the next check after a result that contradicts the status. Default: min(interval, 1s).',
    ),
  failureThreshold: threshold
    .default(2)
    .describe('Consecutive failures after which the status is down. Default 2.'),
  successThreshold: threshold
    .default(1)
    .describe('Consecutive successes after which the status is up again. Default 1.'),
  staleAfter: duration('10ms', '7d')
    .optional()
    .describe('Age of the last result at which the status becomes unknown. Default: 2 × interval + timeout.'),
  critical: z.boolean().default(true).describe('Whether readiness requires this dependency. Default true.'),
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether to check it. If false, it is validated but not checked or shown. Default true.'),
  slo: z
    .number()
    .gt(0, { error: sloError })
    .lt(1, { error: sloError })
    .optional()
    .describe('Availability objective, as a ratio: 0.999 is 99.9 % of the time. Default: none.'),
  latencySlo: duration('1ms', '1h')
    .optional()
    .describe('Objective for the 99th percentile of the check duration. Default: none.'),
  labels: labels.default({}).describe('Your own labels, which appear only on dependency_info.'),
})

export type Settings = z.output<typeof settings>
