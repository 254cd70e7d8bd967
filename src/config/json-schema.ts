/** The JSON Schema of a config file, for editors: from the same schemas that validate it. */
import { z } from 'zod'
import { optionsOf } from '../model/definition.ts'
import type { Kind } from '../model/kind.ts'
import { dependencyName, settings } from '../model/settings.ts'
import { sections } from './sections.ts'

type Json = Record<string, unknown>

const referenceSchema = { type: 'string', pattern: '\\$\\{' }

/** JSON Schema draft 2020-12 with the `...File` twins, the one-line form, and `${VAR}` wherever a value may stand. */
export function configJsonSchema(kinds: readonly Kind[]): object {
  const dependencies = z.record(dependencyName, z.union([oneLine(kinds), ...kinds.map(dependencyObject)]))
  const root = sections.safeExtend({
    dependencies: dependencies.describe(sections.shape.dependencies.description ?? ''),
  })
  const schema = z.toJSONSchema(root, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' })
  return { ...(complete(schema) as Json), title: 'Pulsecheck configuration' }
}

function oneLine(kinds: readonly Kind[]): z.ZodType {
  const schemes = kinds.flatMap(kind => kind.schemes ?? [])
  return z
    .string()
    .regex(new RegExp(`^(?:${schemes.join('|')})://|\\$\\{`))
    .describe('A URL whose scheme selects the kind.')
}

function dependencyObject(kind: Kind): z.ZodType {
  const { name, example } = kind
  const keys = { kind: z.literal(name).describe('The kind of dependency.'), ...settings.shape }
  return optionsOf(kind)
    .safeExtend(keys)
    .meta({ example: { kind: name, ...example } })
}

/** The schema with what the config room adds to every kind: the twins, and references in place of other values. */
function complete(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(complete)
  if (typeof node !== 'object' || node === null) return node
  const { file: _file, duration: _duration, example, ...schema } = withTwins(node as Json)
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, descend(key, value)]))
  // zod itself leaves out the examples of what it transforms.
  return withReference(example === undefined ? inner : { ...inner, examples: [example] })
}

/** Only where JSON Schema has schemas: `default`, `enum` and the like hold values. */
function descend(key: string, value: unknown): unknown {
  if (key === 'properties' || key === '$defs')
    return Object.fromEntries(Object.entries(value as Json).map(([name, schema]) => [name, complete(schema)]))
  return ['anyOf', 'oneOf', 'allOf', 'items', 'additionalProperties', 'prefixItems'].includes(key)
    ? complete(value)
    : value
}

function withTwins(schema: Json): Json {
  if (typeof schema.properties !== 'object' || schema.properties === null) return schema
  const properties = Object.entries(schema.properties as Record<string, Json>)
  const marked = properties.filter(([, property]) => property.file === true).map(([key]) => key)
  if (marked.length === 0) return schema
  const twins = marked.map(key => [
    `${key}File`,
    { type: 'string', description: `File that holds the ${key}.` },
  ])
  const required = (schema.required as string[] | undefined)?.filter(key => !marked.includes(key))
  return {
    ...schema,
    properties: Object.fromEntries([...properties, ...twins]),
    ...(required && { required }),
  }
}

/** `${VAR}` may stand for any value but the name of the kind, which tells the alternatives apart. */
function withReference(schema: Json): Json {
  const { description, default: preset, ...value } = schema
  const free = value.type === 'string' && Object.keys(value).length === 1
  const scalar = ['string', 'number', 'integer', 'boolean'].includes(String(value.type))
  if (!scalar || free || value.const !== undefined) return schema
  return {
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
    anyOf: [value, referenceSchema],
  }
}
