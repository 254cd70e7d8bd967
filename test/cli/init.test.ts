import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Config, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from '../../src/kinds/index.ts'
import { launch } from '../support/program.ts'
import { result } from './commands.ts'

const env = {
  DATABASE_URL: 'postgres://app:canary-secret-1@db:5432/orders?application_name=canary-secret-2',
  REDIS_URL: 'rediss://:canary-secret-3@cache:6379/2',
  PULSECHECK_DEPENDENCY_PAYMENTS_API:
    'https://token:canary-secret-4@payments.internal/health?key=canary-secret-5',
}

/** Runs it in a folder that is gone after the test; `before` may put files there. */
async function init(
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>> = {},
) {
  const holder = launch({ flags: ['--version'] })
  onTestFinished(holder.remove)
  await holder.ended
  for (const [name, text] of Object.entries(before)) writeFileSync(join(holder.folder, name), text)
  const file = join(holder.folder, 'pulsecheck.yml')
  const ran = await result({ flags: ['init', ...(flags.includes('-') ? [] : [file]), ...flags], env })
  return { ...ran, file, text: existsSync(file) ? readFileSync(file, 'utf8') : undefined }
}

async function load(file: string, env: Readonly<Record<string, string>>): Promise<Config> {
  const loaded = await loadConfig({ file, env, kinds })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.config
}

test('a valid config that refers to the variables and holds none of their values', async () => {
  const { code, stdout, stderr, file, text = '' } = await init([], env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('DATABASE_URL, PULSECHECK_DEPENDENCY_PAYMENTS_API, REDIS_URL')
  expect(text + stdout).not.toMatch(/canary|db:5432|cache:6379\/2|payments\.internal/)
  const { dependencies } = await load(file, env)
  expect(dependencies.map(({ dependency: { name, kind } }) => [name, kind])).toEqual([
    ['database', 'postgres'],
    ['payments-api', 'http'],
    ['redis', 'redis'],
  ])
  expect((await result({ flags: ['validate', file], env })).code).toBe(0)
})

test('an environment that names nothing: an example that is valid as it stands', async () => {
  const { code, stdout, file } = await init([], {})
  expect(code).toBe(0)
  expect(stdout).toContain('an example')
  expect((await load(file, {})).dependencies).toHaveLength(1)
})

test('what cannot be used is left out with its reason, and the rest is valid', async () => {
  const odd = {
    REDIS_URL: 'redis://cache',
    PULSECHECK_DEPENDENCY_REDIS: 'redis://other',
    PULSECHECK_DEPENDENCY_SEARCH: 'mysql://root:canary@search',
    PULSECHECK_DEPENDENCY_1: 'tcp://a:1',
    PULSECHECK_DEPENDENCY_TRUE: 'tcp://a:2',
    'PULSECHECK_DEPENDENCY_A B': 'tcp://a:3',
  }
  const { code, text = '', file } = await init([], odd)
  expect(code).toBe(0)
  expect(text).toMatch(/^ {2}# Left out: PULSECHECK_DEPENDENCY_SEARCH:1:1: .*$/m)
  expect(text).not.toContain('canary')
  expect((await load(file, odd)).dependencies.map(({ dependency: { name } }) => name).sort()).toEqual([
    '1',
    'redis',
    'true',
  ])
})

describe('a file that is there already', () => {
  test('is never overwritten: exit 2', async () => {
    const { code, stderr, text } = await init([], env, { 'pulsecheck.yml': 'mine' })
    expect(code).toBe(2)
    expect(stderr).toMatch(/pulsecheck\.yml: it exists; --force overwrites it\n$/)
    expect(text).toBe('mine')
  })

  test('is, with --force', async () => {
    const { code, text } = await init(['--force'], env, { 'pulsecheck.yml': 'mine' })
    expect(code).toBe(0)
    expect(text).toContain('DATABASE_URL')
  })
})

test('- is standard output, and the config alone', async () => {
  const { code, stdout, text } = await init(['-'], env)
  expect(code).toBe(0)
  expect(text).toBeUndefined()
  expect(stdout).toMatch(/^# The dependencies[\s\S]*\nserver:\n {2}listen: .*\n$/)
})

test('2 for a place that cannot be written', async () => {
  const { code, stderr } = await result({ flags: ['init', '/nowhere/at/all.yml'] })
  expect(code).toBe(2)
  expect(stderr).toBe('error: /nowhere/at/all.yml: cannot be written (ENOENT)\n')
})
