/** Changes of the running service without its server: what is in force after each, what is counted, followed and logged. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { kinds } from '../../src/kinds/index.ts'
import type { DependencyDefinition } from '../../src/model/dependency.ts'
import { silent } from '../../src/model/logger.ts'
import { type Applied, type ChangesOptions, loadChanges } from '../../src/service/changes.ts'
import { ConfigError, type Source } from '../../src/service/sources.ts'
import { definition } from '../support/dependency.ts'
import { until } from '../support/net.ts'

const listOf = (...names: readonly string[]) =>
  `dependencies:\n${names.map(name => `  ${name}: tcp://127.0.0.1:1\n`).join('')}`
const namesOf = (dependencies: readonly DependencyDefinition[]) =>
  dependencies.map(({ dependency }) => dependency.name)

async function load(text: string, options: Partial<ChangesOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-changes-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const configFile = join(folder, 'pulsecheck.yml')
  const write = (text: string) => writeFileSync(configFile, text)
  write(text)
  const lines: unknown[] = []
  const log = (level: string) => (fields: object, message: string) =>
    void lines.push([level, message, ...Object.values(fields)])
  const logger = { ...silent, info: log('info'), warn: log('warn'), error: log('error') }
  const changes = await loadChanges({ configFile, env: {}, kinds, logger, pause: async () => {}, ...options })
  return { changes, folder, configFile, write, lines, names: () => namesOf(changes.dependencies()) }
}

/** A source whose changes the test makes. */
function createSource(name: string, read: () => readonly DependencyDefinition[]) {
  const listeners = new Set<() => void>()
  const source: Source = {
    name,
    read: async () => read(),
    follow(changed) {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
  }
  return { source, listeners, change: () => listeners.forEach(changed => void changed()) }
}

test('what was loaded first is in force, and counts as a success', async () => {
  const before = Date.now()
  const { source } = createSource('other', () => [definition({ name: 'c' })])
  const { changes, configFile, names, lines } = await load(listOf('a', 'b'), { sources: [source] })
  expect(names()).toEqual(['a', 'b', 'c'])
  expect(changes.reloads()).toMatchObject({ successful: true, failures: { invalid: 0, truncated: 0 } })
  expect(changes.reloads().successAt).toBeGreaterThanOrEqual(before)
  expect(changes.awaited().map(({ file }) => file)).toEqual([configFile])
  expect(lines).toEqual([])
})

test('without a config file nothing is awaited', async () => {
  const env = { REDIS_URL: 'redis://127.0.0.1:1' }
  const { changes, names } = await load('', { configFile: undefined, env })
  expect([names(), changes.awaited()]).toEqual([['redis'], []])
})

test('every refused reload is counted by its cause; an accepted one keeps the counts and is a success', async () => {
  const { changes, write, names, lines } = await load(listOf('a', 'b', 'c', 'd'))
  const first = changes.reloads()
  for (let i = 0; i < 2; i++) {
    write('unknown: 1\n')
    await expect(changes.reload()).rejects.toThrow(ConfigError)
  }
  write(listOf('a'))
  await expect(changes.reload()).rejects.toThrow('would remove 3 of 4 dependencies')
  const failures = { invalid: 2, truncated: 1 }
  expect(changes.reloads()).toEqual({ successful: false, successAt: first.successAt, failures })
  expect(names()).toEqual(['a', 'b', 'c', 'd'])
  expect(lines.at(-1)).toEqual([
    'error',
    'config not reloaded, the running one stays in force',
    expect.stringContaining('would remove 3 of 4'),
  ])
  write(listOf('a', 'b'))
  await changes.reload()
  expect(changes.reloads()).toMatchObject({ successful: true, failures })
  expect(lines.at(-1)).toEqual(['info', 'config reloaded', 2])
})

test('files that a refused config names are awaited until one is accepted', async () => {
  const { changes, folder, configFile, write } = await load(listOf('a'))
  const files = () => changes.awaited().map(({ file }) => file)
  const secret = join(folder, 'secret')
  write(`${listOf('a')}  r: { kind: redis, host: x, passwordFile: ${secret} }\n`)
  await expect(changes.reload()).rejects.toThrow('the file does not exist')
  expect(new Set(files())).toEqual(new Set([configFile, secret]))
  write(listOf('a', 'b'))
  await changes.reload()
  expect(files()).toEqual([configFile])
})

test('dependencies are applied before the config; if they are refused, nothing has changed', async () => {
  const { changes, write, names } = await load(listOf('a'))
  const applied: unknown[] = []
  let refusal: Error | undefined
  const target: Applied = {
    async dependencies(dependencies) {
      if (refusal !== undefined) throw refusal
      applied.push(namesOf(dependencies))
    },
    config: ({ dependencies }) => void applied.push(dependencies.length),
  }
  changes.follow(target)
  expect(applied).toEqual([])
  write(listOf('a', 'b'))
  await changes.reload()
  expect(applied).toEqual([['a', 'b'], 2])
  refusal = new TypeError('no')
  write(listOf('a', 'b', 'c'))
  const config = changes.config()
  await expect(changes.reload()).rejects.toBe(refusal)
  expect([applied.length, names(), changes.config()]).toEqual([2, ['a', 'b'], config])
  expect(changes.reloads()).toMatchObject({ successful: false, failures: { invalid: 1 } })
})

test('secret files are read again without the config file', async () => {
  const { changes, folder, write, lines, names } = await load(listOf('a'))
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'first\n')
  write(`${listOf('a')}  r: { kind: redis, host: x, passwordFile: ${secret} }\n`)
  await changes.reload()
  write('unknown: 1\n')
  writeFileSync(secret, 'second\n')
  const before = changes.config().namedFiles
  await changes.rereadSecrets()
  expect(lines.at(-1)).toEqual(['info', 'secret files read again', 1])
  expect(changes.config().namedFiles).not.toEqual(before)
  expect(names()).toEqual(['a', 'r'])
})

test('each source is followed by itself until the end; a refused change is counted and logged with its name', async () => {
  let given = ['x']
  let fails = false
  const first = createSource('first', () => {
    if (fails) throw new Error('away')
    return given.map(name => definition({ name }))
  })
  const second = createSource('second', () => [definition({ name: 'y' })])
  const { changes, names, lines } = await load(listOf('a'), { sources: [first.source, second.source] })
  const end = changes.follow({ dependencies: async () => {}, config: () => {} })
  given = ['x', 'z']
  first.change()
  await until(() => names().length === 4, 'changed')
  expect([names(), lines]).toEqual([['a', 'x', 'z', 'y'], [['info', 'dependencies changed', 'first', 4]]])
  fails = true
  first.change()
  await until(() => lines.length === 2, 'refused')
  expect(lines[1]).toEqual([
    'error',
    'change of a source refused, its dependencies stay in force',
    'first',
    'away',
  ])
  expect(changes.reloads()).toMatchObject({ successful: false, failures: { invalid: 1, truncated: 0 } })
  expect(names()).toHaveLength(4)
  end()
  expect([first.listeners.size, second.listeners.size]).toEqual([0, 0])
})

test('changes wait for each other, and calls during a reload share one more', async () => {
  const gate = Promise.withResolvers<void>()
  let readings = 0
  const { changes, lines, write, names } = await load(listOf('a'), {
    pause: () => {
      readings++
      return gate.promise
    },
  })
  const running = [changes.reload(), changes.reload(), changes.reload()]
  const secrets = changes.rereadSecrets()
  await until(() => readings === 1, 'the first reload reads')
  expect(lines).toEqual([])
  write(listOf('a', 'b'))
  gate.resolve()
  await Promise.all([...running, secrets])
  expect(names()).toEqual(['a', 'b'])
  expect(lines.filter(line => String(line).includes('config reloaded'))).toHaveLength(2)
})
