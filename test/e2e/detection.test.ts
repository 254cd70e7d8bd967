/**
 * What is promised: a dependency that fails is seen within interval + confirmInterval + timeout, with the right reason,
 * on every endpoint; and so is its recovery.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serveHttp } from '../support/http.ts'
import { closedPort, until } from '../support/net.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type Program, startProgram } from '../support/program.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'

const settings = { interval: '1s', timeout: '500ms', confirmInterval: '200ms' }
/** interval + confirmInterval + timeout for the first failure, and timeout for the second; and a busy machine. */
const boundMs = 1_000 + 200 + 2 * 500
const slackMs = 1_500

let redis: RedisServer
let postgres: PostgresServer
let shop: Awaited<ReturnType<typeof serveHttp>>
let program: Program

beforeAll(async () => {
  ;[redis, postgres, shop] = await Promise.all([
    startRedis({ args: ['--requirepass', 'right-password'], password: 'right-password' }),
    startPostgres(),
    serveHttp((_request, response) => response.end('{"status":"ok"}')),
  ])
  program = await startProgram({
    config: {
      defaults: settings,
      dependencies: {
        'orders-db': postgres.url,
        cache: { kind: 'redis', url: redis.url, password: 'right-password' },
        shop: {
          kind: 'http',
          url: `http://127.0.0.1:${shop.port}/health`,
          expect: { json: { status: 'ok' } },
        },
        search: { kind: 'http', url: `http://127.0.0.1:${await closedPort()}/`, critical: false },
      },
    },
  })
})
afterAll(async () => {
  await program.remove()
  await Promise.all([redis.remove(), postgres.stop(), shop.stop()])
})

/** Waits for a status on `/readyz`, and holds that the gauge and `/health` say the same. */
async function becomes(name: string, kind: string, up: boolean) {
  const before = performance.now()
  await until(
    async () => (await program.get(`/readyz/${name}`)).status === (up ? 200 : 503),
    `${name} is ${up ? 'up' : 'down'}`,
  )
  const tookMs = performance.now() - before
  expect(await program.metric(`dependency_up{dependency="${name}",kind="${kind}"}`)).toBe(Number(up))
  expect(tookMs).toBeLessThan(boundMs + slackMs)
  const { dependencies } = await program.health()
  return dependencies[name]!
}

async function failures(name: string, kind: string, reason: string) {
  return await program.metric(
    `dependency_check_failures_total{dependency="${name}",kind="${kind}",reason="${reason}"}`,
  )
}

describe('everything well', () => {
  test('ready, though what is not critical is down', async () => {
    await until(async () => (await program.get('/readyz')).status === 200, 'ready')
    expect(JSON.parse((await program.get('/readyz')).text)).toEqual({
      status: 'degraded',
      checks: { 'orders-db': true, cache: true, shop: true, search: false },
    })
    expect((await program.get('/startupz')).status).toBe(200)
  })
})

describe.each(['redis', 'postgres'] as const)('%s', kind => {
  const name = kind === 'redis' ? 'cache' : 'orders-db'
  const server = () =>
    kind === 'redis'
      ? { kill: redis.stop, start: redis.start, freeze: redis.freeze, thaw: redis.thaw }
      : postgres

  test('killed: connection_error; started again: up', async () => {
    await server().kill()
    const down = await becomes(name, kind, false)
    expect(down.lastFailure).toMatchObject({ reason: 'connection_error', detail: 'ECONNREFUSED' })
    expect(JSON.parse((await program.get('/readyz')).text)).toMatchObject({
      status: 'unavailable',
      checks: { [name]: false },
    })
    expect((await program.get('/healthz')).status).toBe(200)
    expect((await program.get('/startupz')).status).toBe(200)
    await server().start()
    await becomes(name, kind, true)
    expect((await program.get('/readyz')).status).toBe(200)
  })

  test('frozen: timeout, counted as such; thawed: up', async () => {
    const before = (await failures(name, kind, 'timeout')) ?? 0
    server().freeze()
    const down = await becomes(name, kind, false)
    expect(down.lastFailure).toMatchObject({ reason: 'timeout', detail: 'timeout' })
    expect(await failures(name, kind, 'timeout')).toBeGreaterThanOrEqual(before + 2)
    server().thaw()
    await becomes(name, kind, true)
  })
})

describe('misconfigured', () => {
  test('a changed Redis password is auth_error at the next check', async () => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'another-password')
    const down = await becomes('cache', 'redis', false)
    expect(down.lastFailure).toMatchObject({ reason: 'auth_error', detail: 'WRONGPASS' })
    await redis.command('CONFIG', 'SET', 'requirepass', 'right-password')
    await becomes('cache', 'redis', true)
  })

  test('a Postgres role that may not log in is auth_error', async () => {
    await postgres.admin('ALTER ROLE checker NOLOGIN')
    const down = await becomes('orders-db', 'postgres', false)
    expect(down.lastFailure).toMatchObject({ reason: 'auth_error', detail: '28000' })
    await postgres.admin('ALTER ROLE checker LOGIN')
    await becomes('orders-db', 'postgres', true)
  })

  test('a database that is gone is unhealthy', async () => {
    await postgres.admin('ALTER DATABASE orders RENAME TO moved', 'postgres')
    const down = await becomes('orders-db', 'postgres', false)
    expect(down.lastFailure).toMatchObject({ reason: 'unhealthy', detail: '3D000' })
    await postgres.admin('ALTER DATABASE moved RENAME TO orders', 'postgres')
    await becomes('orders-db', 'postgres', true)
  })
})
