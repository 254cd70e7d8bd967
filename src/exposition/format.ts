import type { Family } from './family.ts'

/** What of a family every format needs before its samples. */
export type Heading = Pick<Family<never>, 'name' | 'help' | 'type'>

/**
 * One way to write families as bytes. A body is, for each family that has samples, its head and then the samples of
 * every subject; last comes the tail. So the samples of a subject can be kept, and only they change.
 */
export interface Format {
  readonly contentType: string
  /** @param size how many bytes of samples follow. */
  head(family: Heading, size: number): Buffer
  /** All samples that a family has of a subject; empty if it has none. Throws what the family throws. */
  samples<Subject>(family: Family<Subject>, subject: Subject): Uint8Array
  readonly tail: Buffer
}
