/**
 * Where dependencies come from, and the one place where the lists of several sources become one. The rules here hold for
 * every source at every change, the config file and the environment included: names, budgets, and how much may vanish.
 */
import { maxDependencies } from '../config/load.ts'
import type { Stamped } from '../config/twins.ts'
import type { DependencyDefinition } from '../model/dependency.ts'
import { createNameCheck, type NameProblem } from '../model/settings.ts'
import { forEachInSlices } from '../model/turns.ts'
import { createBudget, overBudget } from '../views/budget.ts'
import type { DurationBuckets } from '../views/metrics.ts'
import type { ReloadFailure } from '../views/service.ts'
import { isOwn, type Shard } from './shard.ts'

/** Gives dependencies beside those of the config, and reports when they change. */
export interface Source {
  /** For messages; unique among the sources of a service. */
  readonly name: string
  /** The current dependencies. If it rejects, the previous ones stay in force. */
  read(): Promise<readonly DependencyDefinition[]>
  /** Calls `changed` after each change, until the returned function is called. */
  follow(changed: () => void): () => void
}

/** The dependencies of each source by its name: first the config, then the others, which is the order of display. */
export type Lists = ReadonlyMap<string, readonly DependencyDefinition[]>

/** Limits of the merged list. */
export interface Bounds {
  readonly histogram: DurationBuckets
  readonly maxSeries: number
  /** Which of several instances this is, if it is not the only one. */
  readonly shard?: Shard | undefined
}

/**
 * Merges the dependencies of all sources, and takes this instance's share of them. Works in slices.
 *
 * @throws ConfigError with every problem: names of the merged list, number of dependencies and of series of the share.
 */
export async function mergeSources(
  lists: Lists,
  { histogram, maxSeries, shard }: Bounds,
): Promise<readonly DependencyDefinition[]> {
  const all = [...lists.keys()].join(' and ')
  const problems: string[] = []
  const merged: DependencyDefinition[] = []
  const check = createNameCheck()
  const budget = createBudget(histogram)
  for (const [source, dependencies] of lists)
    await forEachInSlices(dependencies, definition => {
      const { name } = definition.dependency
      for (const problem of check(name, source))
        problems.push(`${source}: ${JSON.stringify(name)}: ${describeProblem(problem)}`)
      if (!isOwn(definition, shard)) return
      merged.push(definition)
      budget.add(definition.dependency)
    })
  if (merged.length > maxDependencies)
    problems.push(`${all}: ${merged.length} dependencies are more than the ${maxDependencies} allowed`)
  const tooMany = overBudget(budget.byKind(), maxSeries)
  if (tooMany !== undefined) problems.push(`${all}: server.maxSeries: ${tooMany}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return merged
}

function describeProblem(problem: NameProblem): string {
  if (problem.code === 'malformed') return problem.message
  const { isSame, first } = problem
  return isSame ? `this name is also in ${first}` : `differs only in case from a name in ${first}`
}

/** A source with fewer dependencies than this may lose any number of them. */
const guardedCount = 4

/**
 * Refuses a change that would leave less than half of a source's dependencies: a writer that stops half-way, for instance
 * on a full disk, leaves a file that is often still valid, and a catalogue that has just restarted may be empty.
 *
 * @throws ConfigError
 */
export function refuseShrink(
  source: string,
  before: readonly DependencyDefinition[],
  after: readonly DependencyDefinition[],
): void {
  const removed = before.length - after.length
  if (before.length < guardedCount || 2 * after.length >= before.length) return
  throw suspicious(source, `would remove ${removed} of ${before.length} dependencies`)
}

/** The refusal of a change that is valid and looks like a mistake. */
export function suspicious(source: string, why: string): ConfigError {
  const hint = 'start with --config.allow-shrink, or restart, if that is meant'
  return new ConfigError([`${source}: ${why}; ${hint}`], 'truncated')
}

/** A configuration, or a change of it, that is refused. Nothing has changed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** One line each, with its place. */
  readonly problems: readonly string[]
  readonly failure: ReloadFailure
  /** The files that the refused configuration names, as they were. */
  readonly named: readonly Stamped[]

  constructor(
    problems: readonly string[],
    failure: ReloadFailure = 'invalid',
    named: readonly Stamped[] = [],
  ) {
    super(problems.join('\n'))
    this.problems = problems
    this.failure = failure
    this.named = named
  }
}

/** The lines of an error, for a log. */
export function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems
  return [error instanceof Error ? error.message : String(error)]
}
