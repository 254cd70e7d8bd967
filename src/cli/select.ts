/** Dependencies by the names that were typed. */
import { nearest } from '../config/nearest.ts'
import type { DependencyDefinition } from '../model/definition.ts'
import { Exit, exitCodes } from './exit.ts'

/** Those of these names, in the order of the config. @throws Exit 2 with every name that is not there. */
export function select(
  definitions: readonly DependencyDefinition[],
  names: readonly string[],
): readonly DependencyDefinition[] {
  const known = definitions.map(({ dependency }) => dependency.name)
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0)
    throw new Exit(
      exitCodes.usage,
      unknown.map(name => `error: no dependency "${name}" in the config${hint(name, known)}`),
    )
  return definitions.filter(({ dependency }) => names.includes(dependency.name))
}

function hint(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  return meant === undefined ? `; it has ${known.join(', ')}` : `; did you mean ${meant}?`
}
