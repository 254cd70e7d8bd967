/**
 * Where dependencies come from, and the one place where what several sources give becomes one list. What does not hold
 * for the whole list is refused as a whole, at every change of every source.
 */
import { maxDependencies } from '../config/index.ts'
import type { DependencyDefinition } from '../model/definition.ts'
import { createNameCheck, type NameProblem } from '../model/names.ts'
import { overBudget, seriesBudget } from '../views/budget.ts'
import type { DurationBuckets } from '../views/metrics.ts'
import { ConfigError } from './error.ts'

/** Gives dependencies, and says when they have changed: the config file, the environment, or a discovery. */
export interface Source {
  /** For messages; unique among the sources of a service. */
  readonly name: string
  /** The dependencies as of now. A rejection leaves those of before. */
  read(): Promise<readonly DependencyDefinition[]>
  /** Calls `changed` after each change, until the function that it returns is called. */
  follow(changed: () => void): () => void
}

/** What sources give, by the name of the source, in the order in which dependencies are shown. */
export type Lists = ReadonlyMap<string, readonly DependencyDefinition[]>

/** What the whole list must keep to. */
export interface Bounds {
  readonly histogram: DurationBuckets
  readonly maxSeries: number
}

/**
 * The dependencies of all sources.
 *
 * @throws ConfigError with every problem of the whole: names, number and series.
 */
export function mergeSources(
  lists: Lists,
  { histogram, maxSeries }: Bounds,
): readonly DependencyDefinition[] {
  const merged = [...lists.values()].flat()
  const all = [...lists.keys()].join(' and ')
  const problems = findNameProblems(lists)
  if (merged.length > maxDependencies)
    problems.push(`${all}: ${merged.length} dependencies are more than the ${maxDependencies} allowed`)
  const shown = merged.map(({ dependency }) => dependency)
  const tooMany = overBudget(seriesBudget(shown, histogram), maxSeries)
  if (tooMany !== undefined) problems.push(`${all}: server.maxSeries: ${tooMany}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return merged
}

function findNameProblems(lists: Lists): string[] {
  const check = createNameCheck()
  return [...lists].flatMap(([source, dependencies]) =>
    dependencies.flatMap(({ dependency: { name } }) =>
      check(name, source).map(problem => `${source}: ${JSON.stringify(name)}: ${describeProblem(problem)}`),
    ),
  )
}

function describeProblem(problem: NameProblem): string {
  if (problem.code === 'malformed') return problem.message
  const { isSame, first } = problem
  return isSame ? `this name is also in ${first}` : `differs only in case from a name in ${first}`
}
