/**
 * The keys of every dependency, and the way from a kind's name and plain values to a `Dependency`. The YAML file and
 * the embedding application go through the same door, so both use the same words, bounds and defaults.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Dependency } from './dependency.ts'
import { formatDuration, parseDuration } from './duration.ts'
import type { Kind } from './kind.ts'
import { redactor, Secret } from './secret.ts'

export { formatDuration, parseDuration }

/** A schema from a Prometheus duration to milliseconds, within bounds that are durations themselves. */
export function duration(min: string, max: string): z.ZodType<number, string> {
  const [low, high] = [parseDuration(min) ?? 0, parseDuration(max) ?? 0]
  return z
    .string({ error: `expected a duration with its unit, such as ${min} or 15s` })
    .transform((text, context) => {
      const ms = parseDuration(text)
      if (ms !== undefined && ms >= low && ms <= high) return ms
      const message =
        ms === undefined
          ? `${quoted(text)}not a duration; write whole numbers with units, such as 500ms, 15s or 1m30s`
          : `${text} is out of range; it must be between ${min} and ${max}`
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
}

/** Only what looks like a duration: anything else may be a secret at the wrong key. */
function quoted(text: string): string {
  return /^-?\d[\w. ]{0,15}$/.test(text) ? `"${text}" is ` : ''
}

/** Names are label values, path segments and environment variables at once, hence the narrow alphabet. */
export const dependencyName = z.string().regex(/^[a-zA-Z0-9_.-]{1,64}$/, {
  error: 'a name has 1 to 64 characters out of a-z, A-Z, 0-9, "_", "." and "-"',
})

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

/** The keys of every dependency. A kind's own keys stand beside them. */
export const settings = z.strictObject({
  interval: duration('100ms', '1d').default(15_000).describe('Time between two checks. Default 15s.'),
  timeout: duration('10ms', '1h')
    .default(3_000)
    .describe('Deadline of one check; at most the interval. Default 3s.'),
  confirmInterval: duration('10ms', '1d')
    .optional()
    .describe(
      'Time to the next check after a result that contradicts the status. Default: min(interval, 1s).',
    ),
  failureThreshold: threshold.default(2).describe('Failures in a row that make it down. Default 2.'),
  successThreshold: threshold.default(1).describe('Successes in a row that make it up again. Default 1.'),
  staleAfter: duration('10ms', '7d')
    .optional()
    .describe('Age of the last result from which on the status is unknown. Default: 2 × interval + timeout.'),
  critical: z.boolean().default(true).describe('The service is not ready without it. Default true.'),
  enabled: z
    .boolean()
    .default(true)
    .describe('false: read and validated, but never checked or shown. Default true.'),
  labels: labels.default({}).describe('Labels of your own; they go to dependency_info alone.'),
})

export type Settings = z.output<typeof settings>

/** As they are written: in YAML, and in TypeScript. */
export type SettingsInput = z.input<typeof settings>

type DependencySchema = z.ZodType<Settings & Record<string, unknown>>

/**
 * The whole schema of one dependency of a kind: common keys and the kind's own, unknown keys refused. It costs some ten
 * kilobytes: whoever reads many dependencies keeps it.
 */
export function dependencySchema(kind: Kind): DependencySchema {
  return kind.options.safeExtend(settings.shape).superRefine(coherent) as unknown as DependencySchema
}

function coherent(value: unknown, context: z.RefinementCtx): void {
  const { interval, timeout, staleAfter } = value as Settings
  const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
  if (timeout > interval)
    refuse(
      'timeout',
      `timeout ${formatDuration(timeout)} is above interval ${formatDuration(interval)}; a check must end before the next one is due`,
    )
  if (staleAfter !== undefined && staleAfter < interval + timeout)
    refuse(
      'staleAfter',
      `staleAfter ${formatDuration(staleAfter)} is below interval + timeout (${formatDuration(interval + timeout)}); every status would be stale between two checks`,
    )
}

/**
 * A dependency from plain values in the words of the YAML file.
 *
 * @throws TypeError with every problem if the name or an option is wrong. Its message holds no secret.
 */
export function parseDependency(name: string, kind: Kind, options: unknown): Dependency {
  const named = dependencyName.safeParse(name)
  const parsed = dependencySchema(kind).safeParse(options)
  if (named.success && parsed.success) return createDependency(name, kind, parsed.data)
  const issues = [...(named.error?.issues ?? []), ...(parsed.error?.issues ?? [])]
  const problems = issues.map(issue => [issue.path.join('.'), said(issue)].filter(Boolean).join(': '))
  throw new TypeError(`dependency ${JSON.stringify(name)}: ${problems.join('; ')}`)
}

/** What an issue says; of a wrong key, what is wrong with it. */
function said(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join('; ') : issue.message
}

/**
 * A dependency from values that `dependencySchema(kind)` has parsed.
 *
 * @param name one that `dependencyName` accepts; unique within a monitor.
 */
export function createDependency(
  name: string,
  kind: Kind,
  parsed: Settings & Record<string, unknown>,
): Dependency {
  const options = kindOptions(kind, parsed)
  const { interval, timeout, confirmInterval, staleAfter } = parsed
  return Object.freeze({
    name,
    kind: kind.name,
    target: shortened(kind.target(options)),
    critical: parsed.critical,
    labels: parsed.labels,
    intervalMs: interval,
    timeoutMs: timeout,
    confirmIntervalMs: confirmInterval ?? Math.min(interval, 1_000),
    failureThreshold: parsed.failureThreshold,
    successThreshold: parsed.successThreshold,
    staleAfterMs: staleAfter ?? 2 * interval + timeout,
    measured: kind.measurements ?? {},
    fingerprint: fingerprint(kind.name, parsed),
    redact: redactor(options),
    open: () => kind.open(options),
  })
}

/** Targets are labels and table cells; URLs and lists of nodes may be longer than either can take. */
const maxTargetLength = 256

function shortened(target: string): string {
  return target.length <= maxTargetLength ? target : `${target.slice(0, maxTargetLength - 1).toWellFormed()}…`
}

function kindOptions(kind: Kind, parsed: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parsed).filter(([key]) => key in kind.options.shape))
}

function fingerprint(kind: string, parsed: unknown): string {
  const revealed = JSON.stringify([kind, parsed], function (this: Record<string, unknown>, key, shown) {
    const raw = this[key]
    return raw instanceof Secret ? raw.reveal() : shown
  })
  return createHash('sha256').update(revealed).digest('hex')
}
