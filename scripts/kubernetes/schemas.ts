/**
 * Turns the API server's OpenAPI document, and the schemas of custom resources, into files that kubeconform reads, one a
 * kind, which refuse unknown fields.
 *
 *     node scripts/kubernetes/schemas.ts FOLDER swagger.json [resource.yaml ...]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { parse } from 'yaml'

interface Schema {
  readonly [key: string]: unknown
}

interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

interface CustomResource {
  readonly spec: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions: readonly {
      readonly name: string
      readonly schema: { readonly openAPIV3Schema: Schema }
    }[]
  }
}

const [folder = '', swagger = '', ...resources] = argv.slice(2)
mkdirSync(folder, { recursive: true })
const { definitions } = JSON.parse(readFileSync(swagger, 'utf8')) as { definitions: Record<string, Schema> }
for (const [name, schema] of Object.entries(definitions)) {
  const kinds = schema['x-kubernetes-group-version-kind'] as readonly Kind[] | undefined
  if (kinds?.length === 1)
    for (const kind of kinds) write(kind, { ...strict(schema), definitions: reached(name) })
}
for (const file of resources) {
  const { group, names, versions } = (parse(readFileSync(file, 'utf8')) as CustomResource).spec
  for (const { name, schema } of versions)
    write({ group, version: name, kind: names.kind }, strict(schema.openAPIV3Schema) as Schema)
}

function write({ group, version, kind }: Kind, schema: Schema): void {
  const file = [kind, group.split('.')[0], version].filter(part => part !== '').join('-')
  writeFileSync(join(folder, `${file.toLowerCase()}.json`), JSON.stringify(schema))
}

/** All definitions that one refers to, directly or not. */
function reached(name: string, found: Record<string, unknown> = {}): Readonly<Record<string, unknown>> {
  for (const [, other = ''] of JSON.stringify(definitions[name]).matchAll(/"#\/definitions\/([^"]+)"/g)) {
    if (Object.hasOwn(found, other)) continue
    found[other] = strict(definitions[other] ?? {})
    reached(other, found)
  }
  return found
}

/** Refuses unknown fields, and takes numbers where the API server takes texts and numbers. */
function strict(schema: unknown): object {
  if (typeof schema !== 'object' || schema === null) return schema as unknown as object
  if (Array.isArray(schema)) return schema.map(strict)
  const inner: Schema = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]))
  if (inner.format === 'int-or-string') return { type: ['integer', 'string'] }
  const isOpen = 'additionalProperties' in inner || inner['x-kubernetes-preserve-unknown-fields'] === true
  return 'properties' in inner && !isOpen ? { ...inner, additionalProperties: false } : inner
}
