/** What an application may write, and what it is told where it is wrong: by the compiler, and at run time in JavaScript. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { http } from '../../src/kinds/http/http.ts'
import { postgres } from '../../src/kinds/postgres/postgres.ts'
import { redis } from '../../src/kinds/redis/redis.ts'
import { check } from '../../src/monitor/check.ts'
import type { MonitorOptions } from '../../src/monitor/interface.ts'
import { shutdownOnSignal } from '../../src/monitor/shutdown.ts'
import { createMonitor } from '../../src/monitor.ts'
import { createFakeClock } from '../support/clock.ts'

/** As JavaScript would write it. */
const create = (options: unknown) => createMonitor(options as MonitorOptions)
const problemsOf = (options: unknown) => {
  try {
    create(options)
  } catch (error) {
    if (error instanceof TypeError) return error.message.split('\n  ').slice(1)
    throw error
  }
  return []
}
const url = 'postgres://app:s3cr3t@127.0.0.1/orders'

describe('what is right', () => {
  test('a kind with its options, one line, and a kind by its name', () => {
    const monitor = create({
      defaults: { interval: '5s', timeout: '1s', labels: { team: 'orders' } },
      dependencies: {
        'orders-db': postgres({ url, labels: { tier: '1' } }),
        payments: 'https://payments.internal/health',
        cache: { kind: 'redis', url: 'redis://cache', timeout: '2s' },
        queue: check(async () => {}),
      },
    })
    const shown = monitor.state
      .snapshot()
      .states.map(({ dependency: { name, kind, target, timeoutMs, labels } }) => [
        name,
        kind,
        target,
        timeoutMs,
        labels,
      ])
    expect(shown).toEqual([
      ['orders-db', 'postgres', '127.0.0.1:5432/orders', 1_000, { team: 'orders', tier: '1' }],
      ['payments', 'http', 'https://payments.internal/health', 1_000, { team: 'orders' }],
      ['cache', 'redis', 'cache:6379', 2_000, { team: 'orders' }],
      ['queue', 'custom', 'queue', 1_000, { team: 'orders' }],
    ])
  })
})

describe('what is wrong is told in the words of the config file, all at once', () => {
  test('every problem of every dependency', () => {
    const problems = problemsOf({
      defaults: { intervall: '5s' },
      dependencies: {
        db: postgres({ url, interal: '5s', role: 'primry', port: '5432' } as never),
        cache: { kind: 'rediss', url: 'redis://cache' },
        payments: 'htps://payments.internal',
        api: http({ url: 'https://api', expect: { status: [200], jsn: {} } } as never),
        'orders db': 'tcp://127.0.0.1:1',
        queue: 5,
        later: redis(undefined as never),
      },
    })
    expect(problems).toEqual([
      'defaults.intervall: unknown key; did you mean interval?',
      'dependencies."...": a name has 1 to 64 characters out of a-z, A-Z, 0-9, "_", "." and "-"',
      expect.stringMatching(/^dependencies\.db\.port: expected a number, got text; leave out the quotes$/),
      expect.stringMatching(/^dependencies\.db\.role: .*did you mean primary\?$/),
      'dependencies.db.interal: unknown key; did you mean interval?',
      expect.stringMatching(/^dependencies\.cache\.kind: unknown kind rediss; did you mean redis\?$/),
      expect.stringMatching(/^dependencies\.payments: expected a URL whose scheme names a kind; known are /),
      'dependencies.api.expect.jsn: unknown key; did you mean json?',
      'dependencies.queue: expected a URL, or kind and its keys',
      expect.stringMatching(/^dependencies\.later\.url: required: a url, or host/),
    ])
    expect(problems.join()).not.toContain('s3cr3t')
  })

  test('options of the monitor itself', () => {
    expect(problemsOf({ dependancies: {} })).toEqual([
      'dependancies: unknown key; did you mean dependencies?',
      'dependencies: expected a map of names to dependencies',
    ])
    expect(problemsOf({ dependencies: undefined })).toEqual([
      'dependencies: expected a map of names to dependencies',
    ])
    expect(problemsOf({ dependencies: { a: 'tcp://a:1', A: 'tcp://a:1' } })).toEqual([
      'dependencies.A: differs only in case from a name on "a"',
    ])
  })

  test('those of the monitor and those of its dependencies together', () => {
    expect(
      problemsOf({
        loger: console,
        logger: 'x',
        maxConcurrentChecks: 0,
        defaults: { intervall: '5s' },
        dependencies: { api: http({ url: 'https://api', interval: 5_000 as never }) },
      }),
    ).toEqual([
      'logger: expected console, or an object with some of the functions debug, info, warn and error',
      'maxConcurrentChecks: must be at least 1',
      'loger: unknown key; did you mean logger?',
      'defaults.intervall: unknown key; did you mean interval?',
      'dependencies.api.interval: expected a duration with its unit, such as 100ms or 15s; did you mean 5s?',
    ])
    expect(problemsOf(undefined)).toEqual(['createMonitor takes an object of options, with dependencies'])
  })

  test('a client of the application is among what is known, for an application', () => {
    expect(
      problemsOf({
        dependencies: {
          cache: redis({ clinet: {} } as never),
          db: postgres({} as never),
          jobs: check(async () => {}, { measurments: {} } as never),
        },
      }),
    ).toEqual([
      'dependencies.cache.clinet: unknown key; did you mean client?',
      'dependencies.cache.url: required: a url, or host, sentinel or cluster; or give client, a client of the application',
      'dependencies.db.host: required: a url, or host and user; or give pool, a client of the application',
      'dependencies.jobs.measurments: unknown key; did you mean measurements?',
    ])
  })

  test('an object that holds itself', () => {
    const loop: Record<string, unknown> = { url }
    loop.tls = loop
    expect(problemsOf({ dependencies: { db: { kind: 'postgres', ...loop } } })).not.toEqual([])
  })
})

describe('every other options object is checked by the same rules', () => {
  const monitor = create({ dependencies: {} })
  test.each<[string, () => unknown, string]>([
    ['handler', () => monitor.handler({ prefx: '/x' } as never), 'prefx: unknown key; did you mean prefix?'],
    [
      'handler',
      () => monitor.handler({ only: ['probe'] } as never),
      'only[0]: expected probes, metrics, health or page; did you mean probes?',
    ],
    ['handler', () => monitor.handler('/internal' as never), 'expected an object'],
    [
      'fetch',
      () => monitor.fetch({ access: { alow: [] } } as never),
      'access.alow: unknown key; did you mean allow?',
    ],
    [
      'routes',
      () => monitor.routes({ access: { users: { a: 'b' } } } as never),
      'access.users: expected a Map of user name to bcrypt hash',
    ],
    [
      'routes',
      () => monitor.routes({ prefix: '/internal' } as never),
      'prefix: give it to Fastify: app.register(monitor.routes(), { prefix })',
    ],
    [
      'shutdownOnSignal',
      () => shutdownOnSignal(monitor, { x: 1 } as never),
      'x: unknown key; known are close, delay, signals',
    ],
    [
      'shutdownOnSignal',
      () => shutdownOnSignal(monitor, { dealy: '5s' } as never),
      'dealy: unknown key; did you mean delay?',
    ],
  ])('%s: %#', (where, call, problem) => {
    expect(call).toThrow(new TypeError(`the options of ${where} are not valid\n  ${problem}`))
  })

  test('also where a promise is returned, and for a registry', async () => {
    await expect(monitor.waitUntilReady({ timout: '5s' } as never)).rejects.toThrow(
      'timout: unknown key; did you mean timeout?',
    )
    await expect(monitor.listen(':0', { only: ['probes'] } as never)).rejects.toThrow('only: unknown key')
    expect(() => monitor.include({} as never)).toThrow('expected a Registry of prom-client')
    expect(() => monitor.exportTo({} as never)).toThrow('expected a Registry of prom-client')
  })
})

describe('a check of the application', () => {
  test('what its failures mean speaks of the function', async () => {
    const clock = createFakeClock()
    const monitor = createMonitor({
      clock,
      dependencies: {
        slow: check(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject))),
        broken: check(() => Promise.reject(new Error('no'))),
      },
    })
    monitor.start()
    await clock.advance(10_000)
    const { dependencies } = monitor.status()
    expect(dependencies.slow?.lastFailure?.meaning).toBe(
      'The check function did not return before its deadline.',
    )
    expect(dependencies.broken?.lastFailure?.meaning).toBe(
      'The check function threw an error without a known code.',
    )
    await Promise.all([monitor.stop(), clock.advance(1_000)])
  })

  test('takes a function, and measures what it declares', () => {
    expect(() => check('no' as never)).toThrow('check() takes a function')
    expect(() => check(async () => {}, { measurements: { 'queue-depth': 'Jobs.' } })).toThrow(
      'measurements: "queue-depth": a name has a-z, 0-9 and "_", and begins with a letter',
    )
  })

  test('is typed', () => {
    check(
      async ({ signal, measure }) => {
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        measure('depth', 3)
        // @ts-expect-error not declared
        measure('depht', 3)
      },
      { measurements: { depth: 'Jobs that wait.' }, interval: '5s' },
    )
    check(async ({ measure }) => {
      // @ts-expect-error nothing is declared
      measure('depth', 3)
    })
    // @ts-expect-error an option that is misspelt
    check(async () => {}, { interal: '5s' })
  })
})

test('every option of a kind completes, and a typo does not compile', () => {
  expectTypeOf(postgres)
    .parameter(0)
    .toHaveProperty('role')
    .toEqualTypeOf<'any' | 'primary' | 'standby' | undefined>()
  expectTypeOf(postgres).parameter(0).toHaveProperty('interval').toEqualTypeOf<string | undefined>()
  // @ts-expect-error an option that is misspelt
  postgres({ ulr: url })
  // @ts-expect-error a number in place of a duration
  postgres({ url, interval: 5 })
  // @ts-expect-error an option that is misspelt
  const misspelt: MonitorOptions = { dependencies: {}, loger: {} }
  expect(misspelt).toBeDefined()
})
