/** The names of dependencies, which are unique in any case: they are also paths, and files on some systems. */
import { dependencyName } from './settings.ts'

/** A name that cannot be used, and why. */
export type NameProblem =
  | { readonly code: 'malformed'; readonly message: string }
  | { readonly code: 'taken'; readonly first: string; readonly isSame: boolean }

/**
 * Returns a function that checks one name after the other.
 *
 * @returns of it: every problem of the name. `first` says where its first owner is.
 */
export function createNameCheck(): (name: string, where: string) => readonly NameProblem[] {
  const owners = new Map<string, { readonly name: string; readonly where: string }>()
  return (name, where) => {
    const parsed = dependencyName.safeParse(name)
    const malformed = (parsed.error?.issues ?? []).slice(0, 1)
    const owner = owners.get(name.toLowerCase())
    if (owner === undefined) owners.set(name.toLowerCase(), { name, where })
    return [
      ...malformed.map(({ message }) => ({ code: 'malformed', message }) as const),
      ...(owner === undefined
        ? []
        : [{ code: 'taken', first: owner.where, isSame: owner.name === name } as const]),
    ]
  }
}
