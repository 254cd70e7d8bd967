import fastify from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { tcp } from '../../src/kinds/tcp.ts'
import { parseDependency } from '../../src/model/definition.ts'
import type { Monitor, MonitorOptions } from '../../src/monitor/interface.ts'
import { createMonitor } from '../../src/monitor.ts'
import { routes } from '../../src/server/routes/routes.ts'
import { createFakeClock } from '../support/clock.ts'
import { definition } from '../support/dependency.ts'
import { closedPort, serve, until } from '../support/net.ts'
import { countInTurns } from '../support/turns.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0)) await each()
})

function monitored(options: MonitorOptions): Monitor {
  const monitor = createMonitor(options)
  cleanUp.push(monitor.stop)
  return monitor
}

async function metrics(monitor: Monitor): Promise<string> {
  const { body } = await monitor.metrics()
  return body.toString()
}

async function accepting(): Promise<number> {
  const server = await serve(() => {})
  cleanUp.push(server.close)
  return server.port
}

const quick = { interval: '200ms', timeout: '100ms' }

describe('a monitor in an application', () => {
  test('checks, and tells whether the application is ready', async () => {
    const monitor = monitored({
      dependencies: { cache: tcp({ host: '127.0.0.1', port: await accepting(), ...quick }) },
    })
    expect(monitor.ready()).toBe(false)
    monitor.start()
    await until(() => monitor.ready(), 'ready')
    expect(monitor.status()).toMatchObject({
      status: 'ok',
      dependencies: { cache: { status: 'up', kind: 'tcp' } },
    })
    expect(await metrics(monitor)).toContain('dependency_up{dependency="cache",kind="tcp"} 1\n')
  })

  test('serves every endpoint in an application of its own, under a prefix', async () => {
    const app = fastify()
    cleanUp.push(() => app.close())
    const monitor = monitored({
      dependencies: { cache: tcp({ host: '127.0.0.1', port: await closedPort(), ...quick }) },
    })
    app.register(routes(monitor), { prefix: '/dependencies' })
    app.get('/', () => 'the application')
    monitor.start()
    await until(() => monitor.state.get('cache')?.last !== undefined, 'a result')
    const get = async (url: string) => {
      const { statusCode, body } = await app.inject(url)
      return [statusCode, body]
    }
    expect(await get('/dependencies/readyz')).toEqual([
      503,
      '{"status":"unavailable","checks":{"cache":false}}',
    ])
    expect((await get('/dependencies/healthz'))[0]).toBe(200)
    expect((await get('/dependencies/metrics'))[1]).toContain(
      'dependency_up{dependency="cache",kind="tcp"} 0\n',
    )
    expect(await get('/')).toEqual([200, 'the application'])
  })

  test('refuses wrong options with every problem, and starts nothing', () => {
    // @ts-expect-error: what does not compile is also refused at run time.
    const dependencies = { cache: tcp({ host: 'x', port: 0, interal: '5s' }) }
    expect(() => createMonitor({ dependencies })).toThrow(
      'dependencies.cache.interal: unknown key; did you mean interval?',
    )
  })

  test('is one of several in a process', async () => {
    const [one, other] = [await accepting(), await closedPort()].map(port =>
      monitored({ dependencies: { cache: tcp({ host: '127.0.0.1', port, ...quick }) } }),
    )
    one?.start()
    other?.start()
    await until(() => other?.state.get('cache')?.status === 'down' && one?.ready() === true, 'both know')
  })

  test('leaves no handle and no listener when it is stopped, even twice', async () => {
    const listeners = () => process.eventNames().map(name => process.listenerCount(name))
    const resources = () =>
      process.getActiveResourcesInfo().filter(name => /TCPSocket|Timeout|Immediate/.test(name)).length
    const port = await accepting()
    const before = { listeners: listeners(), resources: resources() }
    const monitor = createMonitor({
      dependencies: {
        cache: tcp({ host: '127.0.0.1', port, expect: { contains: 'never' }, ...quick }),
      },
    })
    monitor.start()
    monitor.start()
    await until(() => monitor.state.get('cache')?.last !== undefined, 'a result')
    await Promise.all([monitor.stop(), monitor.stop()])
    await until(() => resources() <= before.resources, 'sockets and timers are gone')
    expect(listeners()).toEqual(before.listeners)
  })
})

describe('a changed list of dependencies', () => {
  const setUp = (...names: readonly string[]) => {
    const clock = createFakeClock()
    const checked: string[] = []
    const made = (name: string, more = {}) =>
      definition({ name, ...more }, async () => void checked.push(name))
    const monitor = createMonitor({ clock, dependencies: names.map(name => made(name)) })
    cleanUp.push(() => Promise.all([monitor.stop(), clock.advance(1_000)]))
    return { clock, monitor, made, checked }
  }

  test('keeps the state, the counters and the schedule of what is unchanged', async () => {
    const { clock, monitor, made } = setUp('stays', 'goes')
    monitor.start()
    await clock.advance(20_000)
    const before = monitor.state.get('stays')
    await monitor.apply([made('stays'), made('comes')])
    expect(monitor.state.get('stays')).toBe(before)
    expect(monitor.state.get('goes')).toBeUndefined()
    await clock.advance(1_000)
    expect(monitor.state.get('comes')?.status).toBe('up')
    const text = await metrics(monitor)
    expect(text).not.toContain('"goes"')
    expect(text).toMatch(/^dependency_checks_total\{dependency="comes",kind="test"\} [12]$/m)
  })

  test('keeps what is known when only settings change, and checks by the new ones', async () => {
    const { clock, monitor, made, checked } = setUp('db')
    monitor.start()
    await clock.advance(1_000)
    await monitor.apply([made('db', { intervalMs: 1_000 })])
    expect(monitor.state.get('db')).toMatchObject({ status: 'up', checks: 1 })
    checked.length = 0
    await clock.advance(10_000)
    expect(checked.length).toBeGreaterThanOrEqual(10)
  })

  test('is in every scrape as a whole, or not at all', async () => {
    const list = (version: number, count: number) =>
      Array.from({ length: count }, (_, i) =>
        definition({
          name: `${version === 1 || i % 2 === 0 ? 'd' : 'e'}${i}`,
          labels: { version: String(version) },
        }),
      )
    const monitor = monitored({ clock: createFakeClock(), dependencies: list(1, 1_500) })
    await metrics(monitor)
    let isOver = false
    const applied = monitor.apply(list(2, 1_500)).finally(() => {
      isOver = true
    })
    const seen: string[] = []
    while (!isOver) {
      const found = (await metrics(monitor)).matchAll(/^dependency_info\{.*version="(\d)"/gm)
      const versions = [...found].map(([, version]) => version)
      seen.push(`${new Set(versions).size} ${versions.length}`)
      await new Promise(resolve => setImmediate(resolve))
    }
    await applied
    expect(new Set(seen)).toEqual(new Set(['1 1500']))
    expect(await metrics(monitor)).not.toMatch(/version="1"|"d1"/)
  })

  test('handles few dependencies between two turns of the event loop', async () => {
    const { count, most } = countInTurns()
    const list = (critical: boolean) =>
      Array.from({ length: 100 }, (_, i) => {
        const made = definition({ name: `d${i}`, critical })
        return {
          ...made,
          get dependency() {
            count()
            return made.dependency
          },
        }
      })
    const monitor = monitored({ clock: createFakeClock(), dependencies: [] })
    for (const critical of [true, false]) {
      await monitor.apply(list(critical))
      expect(monitor.state.snapshot().states.map(({ dependency }) => dependency.critical)).toEqual(
        Array(100).fill(critical),
      )
    }
    // Adding one to the schedule looks at it several times.
    expect(most()).toBeLessThanOrEqual(20)
  })

  test('schedules nothing once the monitor is stopped', async () => {
    const { clock, monitor, made } = setUp('a')
    monitor.start()
    await Promise.all([monitor.stop(), clock.advance(1_000)])
    await monitor.apply([made('a', { critical: false }), made('b')])
    expect(clock.pending).toBe(0)
  })

  test('is also the order of the state, the readiness and the status', async () => {
    const { monitor, made } = setUp('b', 'c')
    monitor.probes.readiness()
    await monitor.apply(['a', 'b', 'c'].map(name => made(name)))
    const { states } = monitor.state.snapshot()
    expect(states.map(({ dependency }) => dependency.name)).toEqual(['a', 'b', 'c'])
    expect([...monitor.probes.readiness().checks.keys()]).toEqual(['a', 'b', 'c'])
    await monitor.apply(['c', 'b', 'a'].map(name => made(name)))
    expect([...monitor.probes.readiness().checks.keys()]).toEqual(['c', 'b', 'a'])
    expect(Object.keys(monitor.status().dependencies)).toEqual(['c', 'b', 'a'])
  })

  test('takes lists one after the other', async () => {
    const { monitor, made } = setUp('a')
    await Promise.all([monitor.apply([made('b')]), monitor.apply([made('c')])])
    expect(monitor.state.snapshot().states.map(({ dependency }) => dependency.name)).toEqual(['c'])
  })

  test('forgets what is known when something else is asked', async () => {
    const { clock, monitor, made } = setUp('db')
    monitor.start()
    await clock.advance(1_000)
    await monitor.apply([made('db', { target: 'elsewhere:5432' })])
    expect(monitor.state.get('db')).toMatchObject({ status: 'unknown', checks: 0 })
  })
})

test('one that collects families of the application shows them in every scrape', async () => {
  const monitor = monitored({ dependencies: {} })
  let orders = 0
  const family = {
    name: 'orders',
    type: 'gauge',
    help: 'Orders.',
    samples: (value: number) => [{ labels: {}, value }],
  } as const
  monitor.collect(
    [family],
    () => orders,
    async () => void orders++,
  )
  expect(await metrics(monitor)).toContain('orders 1\n')
  expect(await metrics(monitor)).toContain('orders 2\n')
  expect(() => monitor.collect([family], () => orders)).toThrow(TypeError)
})

test('one whose process metrics fail still answers the others', async () => {
  const errors: object[] = []
  const quiet = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields: object) => void errors.push(fields),
  }
  const monitor = monitored({
    dependencies: [parseDependency('cache', tcp, { url: 'tcp://127.0.0.1:1' })],
    logger: quiet,
  })
  monitor.collect(
    [],
    () => new Map(),
    async () => Promise.reject(new Error('no /proc')),
  )
  expect(await metrics(monitor)).toContain('dependency_critical{dependency="cache",kind="tcp"} 1')
  expect(errors).toEqual([{ cause: 'Error: no /proc' }])
})

test('one with a failing family still answers the others', async () => {
  const errors: object[] = []
  const quiet = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields: object) => void errors.push(fields),
  }
  const broken = {
    name: 'broken',
    type: 'gauge',
    help: 'Throws.',
    samples: () => {
      throw new Error('a bug')
    },
  } as const
  const monitor = monitored({
    dependencies: [parseDependency('cache', tcp, { url: 'tcp://127.0.0.1:1' })],
    logger: quiet,
  })
  monitor.collect([broken], () => new Map())
  expect(await metrics(monitor)).toContain('dependency_critical{dependency="cache",kind="tcp"} 1')
  expect(errors).toEqual([{ cause: 'Error: a bug' }])
})
