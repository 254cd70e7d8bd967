/** The life of a monitor inside an application: start, stop and start again, waiting, events, and who comes and goes. */
import { afterEach, describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import { postgres } from '../../src/kinds/postgres/postgres.ts'
import { CheckError } from '../../src/model/dependency.ts'
import type { DependencyOptions } from '../../src/model/kind.ts'
import { check } from '../../src/monitor/check.ts'
import type { ChangeEvent, ResultEvent } from '../../src/monitor/events.ts'
import type { Monitor, MonitorOptions } from '../../src/monitor/interface.ts'
import { createMonitor } from '../../src/monitor.ts'
import { createFakeClock, type FakeClock } from '../support/clock.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0)) await each()
})

const refused = new CheckError('unhealthy', 'full', 'the queue is full')

interface Played {
  readonly monitor: Monitor
  readonly clock: FakeClock
  /** What the check of `queue` does from now on. */
  answer: () => Promise<void>
  stop(): Promise<void>
}

/** A monitor of one dependency that the test plays, on a clock that the test moves. */
function play(options: Partial<MonitorOptions> = {}, settings = {}): Played {
  const clock = createFakeClock()
  const played = { answer: async () => {} }
  const queue = check(() => played.answer(), { interval: '10s', timeout: '1s', ...settings })
  const monitor = createMonitor({ dependencies: { jobs: queue }, clock, ...options })
  const stop = async () => void (await Promise.all([monitor.stop(), clock.advance(1_000)]))
  cleanUp.push(stop)
  return Object.assign(played, { monitor, clock, stop })
}

describe('stop and start', () => {
  test('a stopped monitor starts again, with what is known, and checks', async () => {
    const { monitor, clock, stop } = play()
    monitor.start()
    await clock.advance(1_000)
    expect(monitor.state.get('jobs')).toMatchObject({ status: 'up', checks: 1 })
    await stop()
    expect(clock.pending).toBe(0)
    await clock.advance(60_000)
    expect(monitor.state.get('jobs')).toMatchObject({ checks: 1 })
    expect(monitor.ready()).toBe(false)
    monitor.start()
    await clock.advance(1_000)
    expect(monitor.state.get('jobs')).toMatchObject({ status: 'up', checks: 2 })
    expect(monitor.ready()).toBe(true)
    expect(monitor.probes.alive()).toBe(true)
  })

  test('a drained monitor is ready again after a stop and a start, and not before', async () => {
    const { monitor, clock, stop } = play()
    monitor.start()
    await clock.advance(1_000)
    monitor.drain()
    expect(monitor.ready()).toBe(false)
    monitor.start()
    expect(monitor.ready()).toBe(false)
    await stop()
    monitor.start()
    await clock.advance(1_000)
    expect(monitor.ready()).toBe(true)
  })

  test.each([
    ['stop, stop, start', ['stop', 'stop', 'start']],
    ['start during stop', ['start', 'stop', 'start']],
    ['start twice', ['start', 'start']],
  ] as const)('%s: ends up checking once an interval', async (_, calls) => {
    let asked = 0
    const { monitor, clock, ...played } = play()
    Object.assign(played, {})
    const counted = check(async () => void asked++, { interval: '10s' })
    monitor.add('counted', counted)
    for (const call of calls) void monitor[call]()
    await clock.advance(1_000)
    asked = 0
    await clock.advance(30_000)
    expect(asked).toBe(3)
  })

  test('stop takes half a second at most, also where a check ignores its abort', async () => {
    const { monitor, clock, ...played } = play()
    played.answer = () => new Promise(() => {})
    const hung = createMonitor({ clock, dependencies: { hung: check(() => new Promise(() => {})) } })
    hung.start()
    await clock.advance(1_000)
    let isStopped = false
    const stopped = hung.stop().then(() => {
      isStopped = true
    })
    await clock.advance(499)
    expect(isStopped).toBe(false)
    await clock.advance(1)
    await stopped
    expect(clock.pending).toBe(0)
    await monitor.stop()
  })

  test('`await using` stops it', async () => {
    const clock = createFakeClock()
    {
      await using monitor = createMonitor({ clock, dependencies: { jobs: check(async () => {}) } })
      monitor.start()
      await clock.advance(1_000)
      setImmediate(() => clock.advance(1_000))
    }
    expect(clock.pending).toBe(0)
  })
})

describe('waitUntilReady', () => {
  test('resolves at once when it is ready, and else with the result that makes it so', async () => {
    const { monitor, clock } = play()
    monitor.start()
    const ready = monitor.waitUntilReady()
    await clock.advance(1_000)
    await ready
    await monitor.waitUntilReady({ timeout: '0' })
  })

  test('names who is missing when the time is over, and leaves no timer', async () => {
    const played = play()
    const { monitor, clock } = played
    const ready = monitor.waitUntilReady({ timeout: '5s' })
    const failed = expect(ready).rejects.toMatchObject({
      name: 'NotReadyError',
      message: 'not ready within 5s, as the monitor is not started: jobs not up',
      waitingFor: ['jobs'],
    })
    await clock.advance(5_000)
    await failed
    expect(clock.pending).toBe(0)
  })

  test('says why those who are missing are', async () => {
    const played = play()
    const { monitor, clock } = played
    played.answer = () => Promise.reject(refused)
    monitor.add(
      'slow',
      check(({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject))),
    )
    monitor.start()
    const failed = expect(monitor.waitUntilReady({ timeout: '5s' })).rejects.toMatchObject({
      message:
        'not ready within 5s: jobs, slow not up; jobs: unhealthy (full): the queue is full; slow: timeout: no answer within 3000 ms',
      failures: new Map([
        ['jobs', expect.objectContaining({ detail: 'full' })],
        ['slow', expect.objectContaining({ reason: 'timeout' })],
      ]),
    })
    await clock.advance(5_000)
    await failed
  })

  test('ends with the monitor, and with its signal', async () => {
    const { monitor, stop } = play()
    const stopped = expect(monitor.waitUntilReady()).rejects.toThrow('the monitor was stopped: jobs not up')
    await stop()
    await stopped
    const reason = new Error('changed my mind')
    const aborted = monitor.waitUntilReady({ signal: AbortSignal.abort(reason) })
    await expect(aborted).rejects.toMatchObject({ message: 'given up: jobs not up', cause: reason })
  })

  test('is ready without the dependency that was missing', async () => {
    const played = play()
    played.answer = () => Promise.reject(refused)
    const ready = played.monitor.waitUntilReady()
    played.monitor.remove('jobs')
    await ready
  })

  test('refuses a timeout that is no duration', async () => {
    await expect(play().monitor.waitUntilReady({ timeout: '5 seconds' })).rejects.toThrow(
      'timeout: expected a duration with its unit, such as 30s',
    )
  })
})

describe('events', () => {
  test('a change is told once it is settled, a result each time', async () => {
    const played = play({}, { confirmInterval: '1s' })
    const { monitor, clock } = played
    const changes: ChangeEvent[] = []
    const results: ResultEvent[] = []
    monitor.on('change', event => changes.push(event))
    const off = monitor.on('result', event => results.push(event))
    monitor.start()
    await clock.advance(1_000)
    played.answer = () => Promise.reject(refused)
    await clock.advance(12_000)
    expect(changes.map(({ name, from, to, result }) => [name, from, to, result?.ok])).toEqual([
      ['jobs', 'unknown', 'up', true],
      ['jobs', 'up', 'down', false],
    ])
    expect(results.map(({ result, status }) => [result.ok, status])).toEqual([
      [true, 'up'],
      [false, 'up'],
      [false, 'down'],
    ])
    expect(results[1]?.result).toMatchObject({ reason: 'unhealthy', detail: 'full' })
    off()
    await clock.advance(10_000)
    expect(results).toHaveLength(3)
  })

  test('a change to unknown says that the check has not returned', async () => {
    const changes: ChangeEvent[] = []
    const played = play({}, { failureThreshold: 1 })
    const { monitor, clock } = played
    monitor.on('change', event => changes.push(event))
    played.answer = () => new Promise(() => {})
    monitor.start()
    await clock.advance(60_000)
    expect(changes.map(({ to, result, skipped }) => [to, result?.ok, skipped])).toEqual([
      ['down', false, undefined],
      ['unknown', undefined, 'overlap'],
    ])
  })

  test('no secret is in what is logged of a listener', async () => {
    const errors: object[] = []
    const clock = createFakeClock()
    const secret = check(async () => {})
    const monitor = createMonitor({
      clock,
      logger: { error: fields => errors.push(fields) },
      dependencies: {
        jobs: secret,
        db: postgres({ url: 'postgres://app:s3cr3t@127.0.0.1:1/orders', enabled: true }),
      },
    })
    cleanUp.push(() => Promise.all([monitor.stop(), clock.advance(1_000)]))
    monitor.on('result', () => {
      throw new Error('cannot log in with s3cr3t')
    })
    monitor.start()
    await clock.advance(1_000)
    expect(errors[0]).toMatchObject({ cause: 'Error: cannot log in with <secret>' })
    expect(JSON.stringify(errors)).not.toContain('s3cr3t')
  })

  test('what a listener throws or rejects with is logged, and harms nobody', async () => {
    const errors: unknown[] = []
    const { monitor, clock } = play({
      logger: { error: (fields, message) => errors.push([message, fields]) },
    })
    const heard: string[] = []
    monitor.on('result', () => {
      throw new Error('from a listener')
    })
    monitor.on('result', async () => Promise.reject(new Error('later')))
    monitor.on('result', ({ name }) => heard.push(name))
    monitor.start()
    await clock.advance(1_000)
    expect(heard).toEqual(['jobs'])
    const at = expect.stringContaining('life.test.ts')
    expect(errors).toEqual([
      ['a listener failed', { event: 'result', cause: 'Error: from a listener', stack: at }],
      ['a listener failed', { event: 'result', cause: 'Error: later', stack: at }],
    ])
    expect(monitor.ready()).toBe(true)
  })

  test('a listener may change the monitor', async () => {
    const { monitor, clock } = play()
    monitor.on('change', () => {
      monitor.remove('jobs')
      monitor.add(
        'other',
        check(async () => {}),
      )
    })
    monitor.start()
    await clock.advance(1_000)
    expect(monitor.state.snapshot().states.map(({ dependency }) => dependency.name)).toEqual(['other'])
  })

  test('are typed, and another name is refused', () => {
    const { monitor } = play()
    monitor.on('change', event => expectTypeOf(event).toEqualTypeOf<ChangeEvent>())
    monitor.on('result', event => expectTypeOf(event).toEqualTypeOf<ResultEvent>())
    // @ts-expect-error no such event
    expect(() => monitor.on('changed', () => {})).toThrow('no event changed; known are change and result')
  })
})

describe('a logger of the application', () => {
  test('console gets the message first', async () => {
    const info = vi.spyOn(console, 'info').mockImplementation(() => {})
    vi.spyOn(console, 'debug').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    const { monitor, clock } = play({ logger: console })
    monitor.start()
    await clock.advance(1_000)
    expect(info.mock.calls).toEqual([['dependency is up', expect.objectContaining({ dependency: 'jobs' })]])
  })

  test('may lack levels, throw and reject', async () => {
    const lines: string[] = []
    const logger = {
      info() {
        throw new Error('the disk is full')
      },
      warn: () => Promise.reject(new Error('later')),
      error: (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`),
    }
    const played = play({ logger })
    played.monitor.start()
    await played.clock.advance(1_000)
    played.answer = () => Promise.reject(refused)
    await played.clock.advance(20_000)
    expect(lines).toEqual([
      'the logger failed {"level":"info","cause":"Error: the disk is full"}',
      'the logger failed {"level":"warn","cause":"Error: later"}',
    ])
    const hopeless = {
      error() {
        throw new Error('nothing works')
      },
    }
    const { monitor, clock } = play({ logger: hopeless })
    monitor.on('result', () => {
      throw new Error('from a listener')
    })
    monitor.start()
    await clock.advance(1_000)
    expect(monitor.ready()).toBe(true)
  })
})

describe('who comes and goes', () => {
  const names = ({ state }: Monitor) => state.snapshot().states.map(({ dependency }) => dependency.name)

  test('a dependency that is added is checked, and one that is removed is forgotten', async () => {
    const { monitor, clock } = play({ defaults: { interval: '20s', labels: { team: 'orders' } } })
    monitor.start()
    monitor.add(
      'cache',
      check(async () => {}, { critical: false }),
    )
    await clock.advance(1_000)
    expect(monitor.state.get('cache')).toMatchObject({
      status: 'up',
      dependency: { intervalMs: 20_000, labels: { team: 'orders' }, critical: false },
    })
    expect(monitor.remove('cache')).toBe(true)
    expect(monitor.remove('cache')).toBe(false)
    expect(names(monitor)).toEqual(['jobs'])
    const { body } = await monitor.metrics()
    expect(body.toString()).not.toContain('"cache"')
  })

  test('nothing changes when one is refused', () => {
    const { monitor } = play()
    expect(() => monitor.add('jobs', 'tcp://127.0.0.1:1')).toThrow('dependencies.jobs: this name is taken')
    expect(() => monitor.add('Jobs', 'tcp://127.0.0.1:1')).toThrow('differs only in case')
    expect(names(monitor)).toEqual(['jobs'])
  })

  test('all of them are replaced, or none', async () => {
    const { monitor } = play()
    await monitor.apply({ one: 'tcp://127.0.0.1:1', two: check(async () => {}) })
    expect(names(monitor)).toEqual(['one', 'two'])
    await expect(monitor.apply({ three: 'x' })).rejects.toThrow('dependencies.three: expected a URL')
    expect(names(monitor)).toEqual(['one', 'two'])
  })

  test('one that is not enabled is not there', () => {
    const { monitor } = play({ dependencies: { off: check(async () => {}, { enabled: false }) } })
    expect(names(monitor)).toEqual([])
  })

  test('what is added while it stands still is checked after the start', async () => {
    const { monitor, clock } = play()
    await monitor.apply({ late: check(async () => {}) } satisfies Record<string, DependencyOptions>)
    monitor.start()
    await clock.advance(1_000)
    expect(monitor.state.get('late')?.status).toBe('up')
  })
})

test('the answer to a scrape is whole, however large', async () => {
  const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`d${i}`, 'tcp://127.0.0.1:1']))
  const monitor = createMonitor({ dependencies: many })
  onTestFinished(() => monitor.stop())
  const { headers, body } = await monitor.metrics()
  expect(Buffer.isBuffer(body)).toBe(true)
  expect(headers).toMatchObject({
    'content-type': expect.stringContaining('text/plain'),
    'content-length': String(body.length),
  })
  expect(body.length).toBeGreaterThan(2 ** 20)
  const zipped = await monitor.metrics({ 'accept-encoding': 'gzip' })
  expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip' })
})
