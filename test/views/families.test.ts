import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dependencyFamilies, measurementFamilies } from '../../src/views/families.ts'
import { selfFamilies } from '../../src/views/self.ts'

const cached = ' Cached result of the last checks; a scrape triggers no checks.'

test('every family says of itself what the documents say of it', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
  const rows = document.split('\n').filter(line => line.startsWith('|'))
  const unsaid = [...dependencyFamilies, ...selfFamilies].filter(({ name, type, help }) => {
    const [meaning = ''] = help.split(cached)
    return !rows.some(row => row.startsWith(`| \`${name}\` | ${type} |`) && row.endsWith(`| ${meaning} |`))
  })
  expect(unsaid.map(({ name }) => name)).toEqual([])
})

test('what a check found says that it is a cached result', () => {
  const saying = dependencyFamilies.filter(({ help }) => help.endsWith(cached)).map(({ name }) => name)
  expect(saying).toEqual([
    'dependency_up',
    'dependency_check_success',
    'dependency_failure',
    'dependency_check_phase_duration_seconds',
    'dependency_tls_not_after_timestamp_seconds',
  ])
  expect(measurementFamilies('redis', { role: 'Role.' })).toMatchObject([
    { name: 'dependency_redis_role', type: 'gauge', help: `Role.${cached}` },
  ])
})
