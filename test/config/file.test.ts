// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a reference is plain text in these files.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { loadFile } from '../../src/config/file.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { directoryOf } from './loading.ts'

const schema = z.strictObject({
  basic_auth_users: z.record(z.string(), z.string().startsWith('$2')).optional(),
  tls_server_config: z.strictObject({ cert_file: z.string(), key_file: z.string() }).optional(),
})

async function load(text: string) {
  const directory = await directoryOf({ 'web.yml': text })
  const loaded = await loadFile(join(directory, 'web.yml'), schema)
  return loaded.ok
    ? loaded.value
    : loaded.problems.map(formatProblem).map(line => line.replace(`${directory}/`, ''))
}

test('the value is what the schema parses; a dollar is a dollar', async () => {
  const text = 'basic_auth_users:\n  alice: $2y$10$abc${X}\n'
  expect(await load(text)).toEqual({ basic_auth_users: { alice: '$2y$10$abc${X}' } })
})

test('problems have their places and hints', async () => {
  expect(await load('tls_server_config:\n  cert_fil: a.pem\n  key_file: 5\nbasic_auth: {}\n')).toEqual([
    'web.yml:1:1: tls_server_config.cert_file: is missing',
    'web.yml:2:3: tls_server_config.cert_fil: unknown key; did you mean cert_file?',
    'web.yml:3:13: tls_server_config.key_file: expected text, got a whole number; put it in quotes',
    'web.yml:4:1: basic_auth: unknown key; did you mean basic_auth_users?',
  ])
})

test('a file that cannot be read, or is no YAML, is a problem', async () => {
  expect(await load('')).toEqual(['web.yml:1:1: is empty'])
  expect(await load('a: [')).toHaveLength(1)
  const missing = await loadFile('/nowhere/web.yml', schema)
  expect(missing.ok ? [] : missing.problems.map(formatProblem)).toEqual([
    '/nowhere/web.yml:1:1: does not exist',
  ])
})
