/** The options of a kind, whatever schema library reads them. */
import { z } from 'zod'
import type { Kind } from './kind.ts'

/**
 * Whether a kind's options are read by a schema that is not of our own copy of zod. Such a schema is called, but not
 * looked into: two copies need not fit together.
 */
export function isForeign({ options }: Kind): boolean {
  return options !== undefined && options.constructor !== z.ZodObject
}

/** The schema of a kind's own keys, to look into. Of a foreign schema nothing is known: any key may be right. */
export function optionsOf({ options }: Kind): z.ZodObject {
  if (options === undefined) return noOptions
  return options.constructor === z.ZodObject ? (options as unknown as z.ZodObject) : unknownOptions
}

const noOptions = z.strictObject({})
const unknownOptions = z.looseObject({})

/** What a foreign schema makes of options. */
export type ForeignReading =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly PropertyKey[] }[] }

/** @throws TypeError if the schema answers later. */
export function readForeign({ name, options }: Kind, value: unknown): ForeignReading {
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
