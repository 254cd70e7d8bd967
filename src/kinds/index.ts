/** The kinds that Pulsecheck knows, by name and as a list in the order of their names. */
import type { Kind } from '../model/kind.ts'
import * as all from './all.ts'

export * from './all.ts'

/** Every kind that Pulsecheck comes with. */
export const kinds: readonly Kind[] = Object.values(all)
