/**
 * The way from a kind and plain values to what can be checked, whatever schema library reads the options. The YAML
 * file and the embedding application go through the same door, so both use the same words, bounds and defaults.
 */
import { z } from 'zod'
import type { Dependency, DependencyDefinition } from './dependency.ts'
import { identify } from './identity.ts'
import type { Kind, OptionsSchema } from './kind.ts'
import { formatDuration } from './notation.ts'
import { redactor } from './secret.ts'
import { dependencyName, type Settings, settings } from './settings.ts'

type DependencySchema = z.ZodType<Settings & Record<string, unknown>>

/**
 * The whole schema of one dependency of a kind: common keys and the kind's own, unknown keys refused. It costs some ten
 * kilobytes: a caller that reads many dependencies keeps it.
 */
export function dependencySchema(kind: Kind): DependencySchema {
  if (isForeign(kind))
    return z.record(z.string(), z.unknown()).transform((value, context) => readApart(kind, value, context))
  // The compiler loses the common keys among those of the kind, which it does not know.
  const whole: z.ZodType = optionsOf(kind).safeExtend(settings.shape).superRefine(coherent)
  return whole as DependencySchema
}

/** Common keys by our schema and all else by the kind's, so that every problem of both is found. */
function readApart(
  kind: Kind,
  value: Readonly<Record<string, unknown>>,
  context: z.RefinementCtx,
): Settings & Record<string, unknown> {
  const isCommon = ([key]: readonly [string, unknown]) => Object.hasOwn(settings.shape, key)
  const entries = Object.entries(value)
  const common = Object.fromEntries(entries.filter(isCommon))
  const own = Object.fromEntries(entries.filter(entry => !isCommon(entry)))
  const parsed = commonSettings.safeParse(common, { error: () => '', reportInput: true })
  for (const issue of parsed.error?.issues ?? []) context.issues.push(issue as z.core.$ZodRawIssue)
  const reading = readForeign(kind, own)
  for (const { message, path } of reading.issues ?? [])
    context.addIssue({ code: 'custom', message, path: [...path] })
  return 'value' in reading ? { ...Object(reading.value), ...parsed.data } : z.NEVER
}

const commonSettings = settings.superRefine(coherent)

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
export function parseDependency(name: string, kind: Kind, options: unknown): DependencyDefinition {
  const named = dependencyName.safeParse(name)
  const parsed = dependencySchema(kind).safeParse(options)
  if (named.success && parsed.success) return createDependency(name, kind, parsed.data)
  const issues = [...(named.error?.issues ?? []), ...(parsed.error?.issues ?? [])]
  const problems = issues.map(issue => [issue.path.join('.'), wordingOf(issue)].filter(Boolean).join(': '))
  throw new TypeError(`dependency ${JSON.stringify(name)}: ${problems.join('; ')}`)
}

/** Returns the message of an issue; for a wrong key, what is wrong with it. */
function wordingOf(issue: z.core.$ZodIssue): string {
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
): DependencyDefinition {
  const options = kindOptions(parsed)
  const { interval, timeout, confirmInterval, staleAfter } = parsed
  const dependency: Dependency = Object.freeze({
    name,
    kind: kind.name,
    target: shortened(kind.target(options) || name),
    critical: parsed.critical,
    labels: parsed.labels,
    intervalMs: interval,
    timeoutMs: timeout,
    confirmIntervalMs: confirmInterval ?? Math.min(interval, 1_000),
    failureThreshold: parsed.failureThreshold,
    successThreshold: parsed.successThreshold,
    staleAfterMs: staleAfter ?? 2 * interval + timeout,
    slo: parsed.slo,
    latencySloMs: parsed.latencySlo,
    measurementHelp: kind.measurements ?? {},
  })
  return Object.freeze({
    dependency,
    identity: identify(parsed, [kind]),
    failures: kind.failures ?? {},
    redact: redactor(options),
    open: () => kind.open(options),
  })
}

/** Targets are labels and table cells; URLs and lists of nodes may be longer than either can take. */
const maxTargetLength = 256

function shortened(target: string): string {
  return target.length <= maxTargetLength ? target : `${target.slice(0, maxTargetLength - 1).toWellFormed()}…`
}

function kindOptions(parsed: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parsed).filter(([key]) => !Object.hasOwn(settings.shape, key)))
}

/**
 * Whether a kind's options are read by a schema that is not of our own copy of zod. Such a schema is called, but not
 * looked into: two copies need not fit together.
 */
function isForeign({ options }: Kind): boolean {
  return options !== undefined && !isOurs(options)
}

function isOurs(options: OptionsSchema): options is OptionsSchema & z.ZodObject {
  return options.constructor === z.ZodObject
}

/** The schema of a kind's own keys, to look into. Nothing is known about a foreign schema, so any key may be right. */
export function optionsOf({ options }: Kind): z.ZodObject {
  if (options === undefined) return noOptions
  return isOurs(options) ? options : unknownOptions
}

const noOptions = z.strictObject({})
const unknownOptions = z.looseObject({})

/** What a foreign schema makes of options. */
type ForeignReading =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly PropertyKey[] }[] }

/** @throws TypeError if the schema is asynchronous. */
function readForeign({ name, options }: Kind, value: unknown): ForeignReading {
  const reading = options?.['~standard'].validate(value) ?? { value }
  if (reading instanceof Promise)
    throw new TypeError(`the schema of kind ${name} is asynchronous; options must be read at once`)
  if (reading.issues === undefined) return reading
  const issues = reading.issues.map(({ message, path = [] }) => ({
    message,
    path: path.map(step => (typeof step === 'object' ? step.key : step)),
  }))
  return { issues }
}
