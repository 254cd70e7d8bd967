// biome-ignore-all lint/suspicious/noTemplateCurlyInString: some texts hold references, not templates.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { kinds } from './kinds.ts'

const schema = configJsonSchema(kinds)
const accepts = (text: string) => z.fromJSONSchema(schema as never).safeParse(parse(text)).success
const valid = join(import.meta.dirname, 'valid')

test.each(readdirSync(valid))('accepts %s', name => {
  expect(accepts(readFileSync(join(valid, name), 'utf8'))).toBe(true)
})

const dependency = (keys: string) => `dependencies: { one: ${keys} }`

test.each([
  dependency('"${DATABASE_URL}"'),
  dependency('{ kind: postgres, passwordFile: /run/secrets/db, tls: { caFile: ca.pem } }'),
  dependency('{ kind: http, urlFile: url }'),
  dependency('{ kind: tcp, port: "${PORT}", critical: "${CRITICAL:-false}", tls: { verify: "${V}" } }'),
])('accepts %s', text => {
  expect(accepts(text)).toBe(true)
})

test.each([
  'servers: {}',
  dependency('"ftp://a"'),
  dependency('{ kind: tcp, interal: 5s }'),
  dependency('{ kind: tcpp }'),
  dependency('{ kind: tcp, method: GET }'),
  dependency('{ kind: tcp, port: 70000 }'),
  dependency('{ kind: tcp, port: abc }'),
  dependency('{ kind: tcp, hostFile: x }'),
  dependency('{ kind: tcp, interval: 5 }'),
  `${dependency('"tcp://a:1"')}\nserver: { details: sometimes }`,
])('refuses %s', text => {
  expect(accepts(text)).toBe(false)
})

test('holds no mark of ours and describes every key of a dependency', () => {
  expect(JSON.stringify(schema)).not.toContain('"file":')
  expect(schema).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' })
})
