import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from './kinds.ts'

const directory = join(import.meta.dirname, 'invalid')
const names = readdirSync(directory)
const env = { WORD: 'soon', DATABASE_URL: 'mysql://app:hunter22-canary@db/orders' }

test('there are at least 40 mistakes', () => {
  expect(names.length).toBeGreaterThanOrEqual(40)
})

test.each(names)('%s is refused in the words of its first lines', async name => {
  const file = join(directory, name)
  const lines = readFileSync(file, 'utf8').split('\n')
  const expected = lines
    .filter(line => line.startsWith('# expect: '))
    .map(line => line.slice('# expect: '.length))
  const loaded = await loadConfig({ file, env, kinds })
  const problems = loaded.ok ? [] : loaded.problems
  expect(problems.map(problem => formatProblem({ ...problem, file: basename(problem.file) }))).toEqual(
    expected,
  )
  expect(expected.length).toBeGreaterThan(0)
  expect(expected.join('\n')).not.toMatch(/canary|hunter22/)
})
