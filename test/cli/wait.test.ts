import { describe, expect, onTestFinished, test } from 'vitest'
import { closedPort, serve, until } from '../support/net.ts'
import { startRedis } from '../support/redis.ts'
import { result, start } from './commands.ts'

const tcp = (port: number, more: object = {}) => ({ kind: 'tcp', host: '127.0.0.1', port, ...more })

async function redisThatIsDown() {
  const redis = await startRedis()
  onTestFinished(redis.remove)
  await redis.stop()
  return redis
}

async function echo() {
  const server = await serve(socket => socket.write('hello\n'))
  onTestFinished(server.close)
  return server
}

test('until what is critical is up: a line for each change, then exit 0', async () => {
  const redis = await redisThatIsDown()
  const server = await echo()
  const { ended, output } = start({
    flags: ['wait'],
    config: {
      defaults: { interval: '1h' },
      dependencies: {
        cache: redis.url,
        search: tcp(server.port),
        extra: tcp(await closedPort(), { critical: false }),
      },
    },
  })
  await until(() => output().stderr.includes('search is up'), 'the first is up')
  await until(() => output().stderr.includes('cache is down'), 'the second is down')
  await redis.start()
  expect(await ended).toBe(0)
  const lines = output().stderr.trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  expect(lines).toContainEqual(
    expect.stringMatching(/^cache is down: connection_error\/ECONNREFUSED: connect .*/),
  )
  expect(lines.slice(2)).toEqual(['cache is up', expect.stringMatching(/^all 2 up after \d+\.\d s$/)])
  expect(output().stdout).toBe('')
})

test('exit 1 at the timeout, with what is missing and why', async () => {
  const port = await closedPort()
  const server = await echo()
  const { code, stderr } = await result({
    flags: ['wait', '--timeout', '1500ms'],
    config: { dependencies: { cache: `redis://127.0.0.1:${port}`, search: tcp(server.port) } },
  })
  expect(code).toBe(1)
  expect(stderr.split('\n').slice(-3)).toEqual([
    'not up after 1s500ms: 1 of 2',
    `  cache (redis 127.0.0.1:${port}): connection_error/ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:${port}`,
    '',
  ])
})

test('a server that hangs is missing as well, and does not hold the end', async () => {
  const silent = await serve(() => {})
  onTestFinished(silent.close)
  const config = { dependencies: { a: tcp(silent.port, { expect: { contains: 'x' } }) } }
  const { code, stderr } = await result({ flags: ['wait', '--timeout', '500ms'], config })
  expect(code).toBe(1)
  expect(stderr).toContain('no check has completed')
})

describe('--for', () => {
  test('waits for these, critical or not, and asks no other', async () => {
    const [wanted, other] = [await echo(), await echo()]
    const config = {
      dependencies: { a: tcp(other.port), b: tcp(wanted.port, { critical: false }), c: tcp(wanted.port) },
    }
    for (const names of [['b', 'c'], ['b,c']]) {
      const { code, stderr } = await result({ flags: ['wait', '--for', ...names], config })
      expect(code).toBe(0)
      expect(stderr).toMatch(/all 2 up after/)
    }
    expect(other.accepted()).toBe(0)
  })

  test('2 for a name that is not there', async () => {
    const { code, stderr } = await result({
      flags: ['wait', '--for', 'cahce'],
      config: { dependencies: { cache: tcp(1) } },
    })
    expect(code).toBe(2)
    expect(stderr).toBe('error: no dependency "cahce" in the config; did you mean cache?\n')
  })
})

test('nothing critical: exit 0 at once, and it says so', async () => {
  const { code, stderr } = await result({
    flags: ['wait'],
    config: { dependencies: { a: tcp(1, { critical: false }) } },
  })
  expect(code).toBe(0)
  expect(stderr).toBe('nothing to wait for: no dependency is critical\n')
})

test('SIGINT ends it at once with 130', async () => {
  const port = await closedPort()
  const { child, ended, output } = start({ flags: ['wait'], config: { dependencies: { a: tcp(port) } } })
  await until(() => output().stderr.includes('a is down'), 'it waits')
  child.kill('SIGINT')
  expect(await ended).toBe(130)
})

test.each(['5', 'soon', '0'])('2 for a timeout of %s', async timeout => {
  const { code, stderr } = await result({ flags: ['wait', '--timeout', timeout] })
  expect(code).toBe(2)
  expect(stderr).toContain('Write a duration')
})
