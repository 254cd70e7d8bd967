/** What a schema says about its keys, found by walking it: which have a `...File` twin, and where its objects are. */
import { z } from 'zod'

/** The schemas that a value may have once optional, default and the like are taken off, one for each member of a union. */
export function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const { def } = schema._zod as unknown as { def: Definition }
  const inner = def.type === 'pipe' ? def.in : def.innerType
  if (inner !== undefined) return alternatives(inner)
  return def.options === undefined ? [schema] : def.options.flatMap(alternatives)
}

/** The parts of zod's definitions that lead to another schema. */
interface Definition {
  readonly type: string
  readonly in?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
  readonly options?: readonly z.core.$ZodType[]
}

/** Whether a key of this schema has a twin that names a file: marked by `.meta({ file: true })` at any of its layers. */
export function hasFileTwin(schema: z.core.$ZodType): boolean {
  if (z.globalRegistry.get(schema)?.file === true) return true
  const { def } = schema._zod as unknown as { def: Definition }
  const inner = def.type === 'pipe' ? def.in : def.innerType
  return inner !== undefined && hasFileTwin(inner)
}

/** The schemas of a key's value among the alternatives; none if no object among them knows it. */
export function valuesOf(schemas: readonly z.core.$ZodType[], key: string): readonly z.core.$ZodType[] {
  return schemas.flatMap(schema => {
    if (schema instanceof z.ZodObject && Object.hasOwn(schema.shape, key))
      return [schema.shape[key] as z.ZodType]
    return schema instanceof z.ZodRecord ? [schema.valueType] : []
  })
}

/** The schemas of the items of a list. */
export function itemsOf(schemas: readonly z.core.$ZodType[]): readonly z.core.$ZodType[] {
  return schemas.flatMap(schema => (schema instanceof z.ZodArray ? [schema.element] : []))
}

/** The keys that the objects among the schemas know, twins included. */
export function keysOf(schemas: readonly z.core.$ZodType[]): readonly string[] {
  const objects = schemas.filter(schema => schema instanceof z.ZodObject)
  return objects.flatMap(({ shape }) =>
    Object.entries(shape).flatMap(([key, value]) =>
      hasFileTwin(value as z.ZodType) ? [key, `${key}File`] : [key],
    ),
  )
}
