/** Dependencies by the names that were typed. */
import { nearest } from '../config/nearest.ts'
import type { Dependency } from '../model/dependency.ts'
import { Exit, exitCodes } from './exit.ts'

/** Those of these names, in the order of the config. @throws Exit 2 with every name that is not there. */
export function select(dependencies: readonly Dependency[], names: readonly string[]): readonly Dependency[] {
  const known = dependencies.map(({ name }) => name)
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0)
    throw new Exit(
      exitCodes.usage,
      unknown.map(name => `error: no dependency "${name}" in the config${hint(name, known)}`),
    )
  return dependencies.filter(({ name }) => names.includes(name))
}

function hint(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  return meant === undefined ? `; it has ${known.join(', ')}` : `; did you mean ${meant}?`
}
