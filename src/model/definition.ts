/**
 * The way from a kind and plain values to what can be checked. The YAML file and the embedding application go through the
 * same door, so both use the same words, bounds and defaults.
 */
import type { z } from 'zod'
import type { Checker, Dependency } from './dependency.ts'
import { formatDuration } from './duration.ts'
import { type Identity, identify } from './identity.ts'
import type { Failures, Kind } from './kind.ts'
import { redactor } from './secret.ts'
import { dependencyName, type Settings, settings } from './settings.ts'

/** A dependency with all that it takes to ask it: for the schedule, and for whoever asks once. */
export interface DependencyDefinition {
  /** What views and verdicts know of it. */
  readonly dependency: Dependency
  /** Tells two configurations of one name apart, secrets included, without showing them. */
  readonly identity: Identity
  /** The failures that its kind declares. */
  readonly failures: Failures
  /** Replaces every secret of this dependency in a text that came from outside. */
  redact(text: string): string
  /** Returns a new checker. No I/O yet. */
  open(): Checker
}

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
export function parseDependency(name: string, kind: Kind, options: unknown): DependencyDefinition {
  const named = dependencyName.safeParse(name)
  const parsed = dependencySchema(kind).safeParse(options)
  if (named.success && parsed.success) return createDependency(name, kind, parsed.data)
  const issues = [...(named.error?.issues ?? []), ...(parsed.error?.issues ?? [])]
  const problems = issues.map(issue => [issue.path.join('.'), wordingOf(issue)].filter(Boolean).join(': '))
  throw new TypeError(`dependency ${JSON.stringify(name)}: ${problems.join('; ')}`)
}

/** What an issue says; of a wrong key, what is wrong with it. */
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
  const options = kindOptions(kind, parsed)
  const { interval, timeout, confirmInterval, staleAfter } = parsed
  const dependency: Dependency = Object.freeze({
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

function kindOptions(kind: Kind, parsed: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parsed).filter(([key]) => key in kind.options.shape))
}
