// biome-ignore-all lint/suspicious/noTemplateCurlyInString: some texts hold references, not templates.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Loaded, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from './kinds.ts'
import { configOf, directoryOf, problemsOf } from './loading.ts'

const valid = join(import.meta.dirname, 'valid')
const lines = (loaded: Loaded) => (loaded.ok ? [] : loaded.problems.map(formatProblem))

test.each(readdirSync(valid))('%s is accepted', async name => {
  const loaded = await loadConfig({ file: join(valid, name), env: {}, kinds })
  expect(lines(loaded)).toEqual([])
})

test('every key arrives where it belongs', async () => {
  const loaded = await loadConfig({ file: join(valid, 'everything.yml'), env: {}, kinds })
  if (!loaded.ok) throw new Error(lines(loaded).join('\n'))
  const { config } = loaded
  expect(config.dependencies.map(({ dependency: { name, kind } }) => `${name} ${kind}`)).toEqual([
    'orders-db postgres',
    'cache redis',
    'payments http',
  ])
  expect(config.dependencies[0]?.dependency).toMatchObject({
    intervalMs: 10_000,
    timeoutMs: 2_000,
    confirmIntervalMs: 500,
    staleAfterMs: 90_000,
    failureThreshold: 3,
    successThreshold: 2,
    critical: true,
    labels: { env: 'prod', team: 'core' },
  })
  expect(config.dependencies[1]?.dependency).toMatchObject({
    critical: false,
    labels: { env: 'prod', team: 'cache' },
  })
  expect(config.dependencies[0]?.redact('cost$less')).toBe('<secret>')
  expect(config.maxConcurrentChecks).toBe(50)
  expect(config.histogram).toEqual({ buckets: [], native: false })
  expect(config.server).toEqual({
    listen: [
      { port: 9797 },
      { host: '127.0.0.1', port: 9798 },
      { host: '::1', port: 9799 },
      { host: 'localhost', port: 0 },
    ],
    probes: { listen: [{ host: '127.0.0.1', port: 9800 }] },
    details: 'never',
    allow: ['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8'],
    hosts: ['status.example.com'],
    metricsPath: '/prometheus/metrics',
    shutdownDelay: 5_000,
    maxSeries: 1_000,
  })
  expect(config.printable).toMatchObject({
    dependencies: {
      'orders-db': { kind: 'postgres', password: '<secret>', interval: '10s', staleAfter: '1m30s' },
    },
    server: {
      listen: [':9797', '127.0.0.1:9798', '[::1]:9799', 'localhost:0'],
      probes: { listen: ['127.0.0.1:9800'] },
      shutdownDelay: '5s',
    },
  })
})

test('what is not set has its default', async () => {
  const config = await configOf('dependencies: { one: "tcp://a:1" }')
  expect(config.maxConcurrentChecks).toBe(1_000)
  expect(config.server).toEqual({
    listen: [{ port: 9797 }],
    probes: { listen: [] },
    details: 'authorized',
    metricsPath: '/metrics',
    maxSeries: 1_000_000,
  })
  expect(config.histogram.native).toBe(true)
  expect(config.histogram.buckets).toEqual([
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ])
  expect(config.dependencies[0]?.dependency).toMatchObject({
    intervalMs: 15_000,
    timeoutMs: 3_000,
    staleAfterMs: 33_000,
  })
})

test('the result is frozen, all of it', async () => {
  const config = await configOf(
    'defaults: { labels: { a: b } }\ndependencies: { one: "http://a" }\nserver: { allow: ["::1"] }',
  )
  const seen: unknown[] = []
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    seen.push(value)
    expect(Object.isFrozen(value), inspect(value)).toBe(true)
    Object.entries(value)
      .filter(([key]) => !['measurementHelp', 'failures', 'references'].includes(key))
      .forEach(([, inner]) => void walk(inner))
  }
  walk(config)
  expect(seen.length).toBeGreaterThan(12)
})

describe('defaults', () => {
  const text = (defaults: string, own: string) =>
    `defaults:\n  ${defaults}\ndependencies:\n  one: { kind: tcp, host: a, port: 1${own} }\n  two: tcp://b:2\n`

  test('stand under the keys of each dependency, also of the one-line form', async () => {
    const { dependencies } = await configOf(text('interval: 30s', ', interval: 5s'))
    expect(dependencies.map(({ dependency: { intervalMs } }) => intervalMs)).toEqual([5_000, 30_000])
  })

  test('a conflict tells both values, at the place of the one that is wrong', async () => {
    expect(await problemsOf(text('timeout: 20s', ', interval: 10s'))).toEqual([
      'pulsecheck.yml:2:12: dependencies.one.timeout: timeout 20s is above interval 10s; a check must end before the next one is due',
      'pulsecheck.yml:2:12: dependencies.two.timeout: timeout 20s is above interval 15s; a check must end before the next one is due',
    ])
    expect(await problemsOf(text('interval: 2s', ', timeout: 1s'))).toEqual([
      'pulsecheck.yml:5:3: dependencies.two.timeout: timeout 3s is above interval 2s; a check must end before the next one is due',
    ])
  })

  test('a missing variable in them is told once', async () => {
    expect(await problemsOf(text('interval: ${NONE}', ''))).toEqual([
      'pulsecheck.yml:2:13: defaults.interval: environment variable NONE is not set; set it, or write ${NONE:-default}',
    ])
  })
})

describe('file twins', () => {
  const postgres = (keys: string) => `dependencies:\n  db: { kind: postgres, host: h, ${keys} }\n`

  test.each([
    ['a line', 's3cret-value\n'],
    ['a line of Windows', 's3cret-value\r\n'],
    ['no newline', 's3cret-value'],
    ['a byte order mark', '\ufeffs3cret-value\n'],
  ])('%s is read without its newline', async (_, content) => {
    const config = await configOf(postgres('passwordFile: password'), {}, { password: content })
    expect(config.dependencies[0]?.redact('is s3cret-value.')).toBe('is <secret>.')
    expect(config.printable).toMatchObject({ dependencies: { db: { password: '<secret>' } } })
    expect(config.namedFiles.map(({ file }) => file.split('/').at(-1))).toEqual(['password'])
  })

  test('only one newline is taken off, and nothing is expanded', async () => {
    const config = await configOf(postgres('passwordFile: password'), { A: 'x' }, { password: '${A} $$\n\n' })
    expect(config.dependencies[0]?.redact('${A} $$\n')).toBe('<secret>')
  })

  test('nested keys, unions and URLs have them', async () => {
    const files = { 'key.pem': 'key-material', url: 'postgres://app:hunter22@db/orders\n' }
    const text = `dependencies:\n  db: { kind: postgres, urlFile: url, tls: { keyFile: key.pem } }\n`
    const { dependencies, printable } = await configOf(text, {}, files)
    expect(dependencies[0]?.redact('hunter22 key-material')).toBe('<secret> <secret>')
    expect(dependencies[0]?.dependency.target).toBe('postgres://app:<secret>@db/orders')
    expect(inspect(printable, { depth: 9 })).not.toMatch(/hunter22|key-material/)
  })

  test('the path may come from the environment', async () => {
    const config = await configOf(
      postgres('passwordFile: "${WHERE}/password"'),
      { WHERE: '.' },
      { password: 'abcd' },
    )
    expect(config.dependencies[0]?.redact('abcd')).toBe('<secret>')
  })

  test.each([
    ['empty', '', 'the file is empty'],
    ['only a newline', '\n', 'the file is empty'],
    ['too large', 'x'.repeat(64 * 1024 + 1), 'the file is larger than 64 KiB'],
    ['no text', Uint8Array.of(0xff, 0xfe, 0xfd), 'the file is UTF-16, not UTF-8'],
  ])('a file that is %s is refused', async (_, content, problem) => {
    expect(await problemsOf(postgres('passwordFile: password'), {}, { password: content })).toEqual([
      `pulsecheck.yml:2:48: dependencies.db.passwordFile: ${problem}`,
    ])
  })

  test('a key without a mark has none', async () => {
    expect(await problemsOf(postgres('userFile: password'), {}, { password: 'x' })).toEqual([
      'pulsecheck.yml:2:34: dependencies.db.userFile: unknown key',
    ])
  })

  test('a rotated secret is seen at the next load, and changes the fingerprint', async () => {
    const { writeFile } = await import('node:fs/promises')
    const directory = await directoryOf({
      'pulsecheck.yml': postgres('passwordFile: password'),
      password: 'first\n',
    })
    const fingerprint = async () => {
      const loaded = await loadConfig({ file: join(directory, 'pulsecheck.yml'), env: {}, kinds })
      return loaded.ok ? loaded.config.dependencies[0]?.identity.hash : undefined
    }
    const [first, again] = [await fingerprint(), await fingerprint()]
    await writeFile(join(directory, 'password'), 'second\n')
    expect(again).toBe(first)
    expect(await fingerprint()).not.toBe(first)
  })
})

describe('the environment', () => {
  const load = async (env: NodeJS.ProcessEnv) => await loadConfig({ env, kinds })

  test('names dependencies when there is no file', async () => {
    const loaded = await load({
      DATABASE_URL: 'postgres://app:hunter22@db/orders',
      REDIS_URL: 'redis://cache',
      PULSECHECK_DEPENDENCY_ORDERS_API: 'https://orders/health?token=hunter22',
      PULSECHECK_DEPENDENCY_EMPTY: '',
      PULSECHECK_OTHER: 'x',
      HOME: '/root',
    })
    const config = loaded.ok ? loaded.config : undefined
    expect(config?.dependencies.map(({ dependency: { name, kind } }) => [name, kind])).toEqual([
      ['database', 'postgres'],
      ['orders-api', 'http'],
      ['redis', 'redis'],
    ])
    expect(config?.namedFiles).toEqual([])
    expect(inspect(config, { depth: 9 })).not.toContain('hunter22')
  })

  test('is read through references alone when there is a file', async () => {
    const env = { REDIS_URL: 'redis://cache', PULSECHECK_DEPENDENCY_X: 'junk' }
    const { dependencies } = await configOf('dependencies: { one: "tcp://a:1" }', env)
    expect(dependencies.map(({ dependency: { name } }) => name)).toEqual(['one'])
  })

  test.each([
    [{}, ['environment:1:1: no dependencies configured; write pulsecheck.yml or set DATABASE_URL']],
    [
      { DATABASE_URL: '' },
      ['environment:1:1: no dependencies configured; write pulsecheck.yml or set DATABASE_URL'],
    ],
    [
      { DATABASE_URL: 'mysql://app:hunter22@db' },
      [
        expect.stringContaining(
          'DATABASE_URL:1:1: dependencies.database: expected a URL whose scheme names a kind; known are',
        ),
      ],
    ],
    [
      { REDIS_URL: 'redis://:hunter22@:x' },
      ['REDIS_URL:1:1: dependencies.redis: expected a URL that starts with redis://, not <secret>'],
    ],
    [
      { DATABASE_URL: 'postgres://a', PULSECHECK_DEPENDENCY_DATABASE: 'postgres://b' },
      ['PULSECHECK_DEPENDENCY_DATABASE:1:1: dependencies.database: this name is also set by DATABASE_URL'],
    ],
    [
      { PULSECHECK_DEPENDENCY_: 'tcp://a:1' },
      [
        'PULSECHECK_DEPENDENCY_:1:1: dependencies."...": a name has 1 to 64 characters out of a-z, A-Z, 0-9, "_", "." and "-"',
      ],
    ],
  ])('%j is refused without a value in the message', async (env, expected) => {
    expect(lines(await load(env))).toEqual(expected)
  })
})

test.each([
  ['Cache', 'cache'],
  ['cache', 'Cache'],
  ['CACHE', 'cAche'],
])('the names %s and %s do not go together', async (one, other) => {
  expect(await problemsOf(`dependencies:\n  ${one}: tcp://a:1\n  ${other}: tcp://b:1\n`)).toEqual([
    `pulsecheck.yml:3:3: dependencies.${other}: differs only in case from a name on line 2`,
  ])
})

test('the number of dependencies is bounded', async () => {
  const text = `dependencies:\n${Array.from({ length: 11 }, (_, i) => `  d${i}: tcp://a:1\n`).join('')}`
  const directory = await directoryOf({ 'pulsecheck.yml': text })
  const load = (maxDependencies: number) =>
    loadConfig({ file: join(directory, 'pulsecheck.yml'), env: {}, kinds, maxDependencies })
  expect((await load(11)).ok).toBe(true)
  expect(lines(await load(10))).toEqual([
    `${directory}/pulsecheck.yml:1:1: dependencies: 11 dependencies are more than the 10 allowed`,
  ])
})

test('a reload waits until the file has settled', async () => {
  const { writeFile } = await import('node:fs/promises')
  const directory = await directoryOf({ 'pulsecheck.yml': 'dependencies:\n  one: tcp://a:1\n' })
  const file = join(directory, 'pulsecheck.yml')
  const rest = ['  two: tcp://b:2\n', '  three: tcp://c:3\n']
  const pause = async () => {
    const more = rest.shift()
    if (more !== undefined) await writeFile(file, more, { flag: 'a' })
  }
  const loaded = await loadConfig({ file, env: {}, kinds, pause })
  expect(loaded.ok && loaded.config.dependencies.map(({ dependency: { name } }) => name)).toEqual([
    'one',
    'two',
    'three',
  ])
})

test('a long text that looks like many URLs holds nothing up', async () => {
  const began = performance.now()
  await problemsOf(`dependencies: { one: { kind: tcp, port: "${'://'.repeat(300_000)}" } }`)
  expect(performance.now() - began).toBeLessThan(5_000)
})

test('nothing is left on any prototype', async () => {
  await problemsOf(
    '__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\ndependencies: { __proto__: { polluted: 1 } }',
  )
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('of many problems the first hundred are told, and that there are more', async () => {
  const bad = (count: number) => `dependencies:\n${'  d#: { kind: tpc }\n'.repeat(count)}`
  const numbered = (count: number) => {
    let i = 0
    return bad(count).replaceAll('#', () => String(i++))
  }
  expect(await problemsOf(numbered(100))).toHaveLength(100)
  const many = await problemsOf(numbered(101))
  expect(many.slice(0, 100)).toEqual((await problemsOf(numbered(100))).slice(0, 100))
  expect(many.slice(100)).toEqual(['pulsecheck.yml:102:17: more than 100 problems; the first are shown'])
})

test('an unknown kind is named, but not where it may be a secret', async () => {
  const kind = (text: string) => problemsOf(`dependencies: { a: { kind: ${text} } }`, { KIND: 'hunter22' })
  const at = 'pulsecheck.yml:1:28: dependencies.a.kind: unknown kind'
  const known = 'known are postgres, redis, http, tcp'
  expect(await kind('mysql')).toEqual([`${at} mysql; ${known}`])
  expect(await kind('postgresql')).toEqual([`${at} postgresql; did you mean postgres?`])
  expect(await kind('rediss')).toEqual([`${at} rediss; did you mean redis?`])
  expect(await kind('"${KIND}"')).toEqual([`${at}; ${known}`])
  expect(await kind('"p@ss word"')).toEqual([`${at}; ${known}`])
  expect(await kind('123')).toEqual([`${at}; ${known}`])
})
