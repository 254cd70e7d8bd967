/** PostgreSQL through the application's own pool. */
import { Pool, type PoolConfig } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import { createDependency, dependencySchema } from '../../../src/model/definition.ts'
import type { DependencyOptions } from '../../../src/model/kind.ts'
import { createMonitor } from '../../../src/monitor.ts'
import type { Asker } from '../../../src/schedule/ask.ts'
import { ask, openMade } from '../../support/check.ts'
import { until } from '../../support/net.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

/** A pool of the application, which listens for no errors. */
function pooled(config: PoolConfig = {}): Pool {
  const pool = new Pool({ connectionString: server.url, ...config })
  cleanUp.push(() => pool.ended || pool.end())
  return pool
}

function open(made: DependencyOptions, timeoutMs?: number): Asker {
  const asker = openMade(made, timeoutMs)
  cleanUp.push(asker.close)
  return asker
}

describe('a pool that works', () => {
  test('is asked through, measured, and left as it was', async () => {
    const pool = pooled()
    const asker = open(postgres({ pool, role: 'primary', writable: true }))
    expect(await ask(asker)).toMatchObject({
      ok: true,
      measurements: {
        pool_connections: 0,
        pool_idle_connections: 0,
        pool_waiting_requests: 0,
        pool_acquire_seconds: expect.any(Number),
        in_recovery: 0,
      },
    })
    expect(await ask(asker)).toMatchObject({
      ok: true,
      measurements: { pool_connections: 1, pool_idle_connections: 1 },
    })
    await asker.close()
    expect([pool.ended, pool.totalCount, pool.idleCount, pool.listenerCount('error')]).toEqual([
      false,
      1,
      1,
      0,
    ])
    const client = await pool.connect()
    expect(client.listenerCount('error')).toBe(0)
    client.release()
  })

  test('an answer that is not well leaves the connection in the pool', async () => {
    const pool = pooled()
    const asker = open(postgres({ pool, query: 'SELECT nothing' }))
    expect(await ask(asker)).toMatchObject({ reason: 'unhealthy', detail: '42703' })
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
    const standby = open(postgres({ pool, role: 'standby' }))
    expect(await ask(standby)).toMatchObject({ reason: 'unhealthy', detail: 'wrong_role' })
  })

  test('shows where it goes, and no secret', () => {
    const host = { host: 'db', port: 6432, database: 'orders', password: 's3cr3t' }
    const targetOf = (pool: Pool) => {
      const { kind, options } = postgres({ pool })
      return createDependency('db', kind, dependencySchema(kind).parse(options)).dependency.target
    }
    expect(targetOf(pooled({ connectionString: undefined, ...host }))).toBe('db:6432/orders')
    expect(targetOf(pooled())).toBe(`127.0.0.1:${server.port}/orders`)
  })
})

describe('a pool that is exhausted', () => {
  test('is told apart from a database that is down, and gets one request of ours at most', async () => {
    const pool = pooled({ max: 1 })
    const held = await pool.connect()
    const asker = open(postgres({ pool }), 100)
    for (let i = 0; i < 3; i++)
      expect(await ask(asker)).toMatchObject({
        ok: false,
        reason: 'unhealthy',
        detail: 'pool_exhausted',
        message: 'all 1 connections of the pool are in use, and 1 requests wait for one',
        measurements: { pool_connections: 1, pool_idle_connections: 0 },
      })
    expect(pool.waitingCount).toBe(1)
    held.release()
    await until(() => pool.idleCount === 1, 'what came too late is given back')
    expect(await ask(asker)).toMatchObject({ ok: true })
  })

  test('also where its own limit for waiting is shorter than ours', async () => {
    const pool = pooled({ max: 1 })
    const held = await pool.connect()
    // From now on: a new connection may take longer on a busy machine.
    pool.options.connectionTimeoutMillis = 50
    expect(await ask(open(postgres({ pool })))).toMatchObject({ detail: 'pool_exhausted' })
    held.release()
  })

  test('and a fresh connection says that the database is fine', async () => {
    const pool = pooled({ max: 1 })
    const held = await pool.connect()
    const asker = open(postgres({ pool, fresh: { url: server.url } }), 1_000)
    expect(await ask(asker)).toMatchObject({
      detail: 'pool_exhausted',
      message: expect.stringContaining('; a fresh connection works'),
      measurements: { fresh_success: 1, client_success: 0 },
    })
    held.release()
    await until(() => pool.idleCount === 1, 'what came too late is given back')
    expect(await ask(asker)).toMatchObject({
      ok: true,
      measurements: { fresh_success: 1, client_success: 1 },
    })
  })
})

describe('a database that fails', () => {
  test('a login that is refused is seen both ways, or by the fresh connection alone', async () => {
    const wrong = pooled({ connectionString: server.url.replace(/:[^:@/]+@/, ':wrong@') })
    expect(await ask(open(postgres({ pool: wrong })))).toMatchObject({
      reason: 'auth_error',
      detail: '28P01',
    })
    const pool = pooled()
    await pool.query('SELECT 1')
    const fresh = { url: server.url.replace(/:[^:@/]+@/, ':wrong@') }
    expect(await ask(open(postgres({ pool, fresh })))).toMatchObject({
      reason: 'auth_error',
      detail: '28P01',
      measurements: { fresh_success: 0, client_success: 1 },
    })
  })

  test('one that hangs is a timeout, and its connection does not stay in the pool', async () => {
    const pool = pooled()
    await pool.query('SELECT 1')
    const asker = open(postgres({ pool }), 200)
    server.freeze()
    try {
      expect(await ask(asker)).toMatchObject({ reason: 'timeout', durationMs: 200 })
      expect(pool.totalCount).toBe(0)
    } finally {
      server.thaw()
    }
    await until(async () => (await ask(asker)).ok, 'it works again')
  })

  test('one that dies takes nobody with it, and the pool goes on when it is back', async () => {
    const pool = pooled()
    const monitor = createMonitor({
      dependencies: { db: postgres({ pool, interval: '100ms', timeout: '100ms' }) },
    })
    cleanUp.push(() => monitor.stop())
    monitor.start()
    await monitor.waitUntilReady()
    await server.kill()
    const isRefused = () => monitor.state.get('db')?.lastFailure?.reason === 'connection_error'
    await until(() => monitor.state.get('db')?.status === 'down' && isRefused(), 'it is down')
    await server.start()
    await until(() => monitor.ready(), 'it is up again')
    await monitor.stop()
    expect([pool.ended, pool.listenerCount('error')]).toEqual([false, 0])
    expect(await pool.query('SELECT 1')).toMatchObject({ rowCount: 1 })
  })

  test('one that is gone when the turn in the queue comes is no matter of the pool', async () => {
    const pool = pooled({ max: 1 })
    const held = await pool.connect()
    held.on('error', () => {})
    const answer = ask(open(postgres({ pool })))
    await until(() => pool.waitingCount === 1, 'it waits in the queue')
    await server.kill()
    held.release(true)
    expect(await answer).toMatchObject({ reason: 'connection_error', detail: 'ECONNREFUSED' })
    await server.start()
  })

  test('a pool that the application has ended is told', async () => {
    const pool = pooled()
    await pool.end()
    expect(await ask(open(postgres({ pool })))).toMatchObject({ reason: 'unhealthy', detail: 'pool_ended' })
  })
})

test('a pool is identified by reference, typed, and checked at run time', () => {
  const pool = pooled()
  // @ts-expect-error an option that is misspelt
  postgres({ pool, rol: 'primary' })
  expect(() => createMonitor({ dependencies: { db: postgres({ pool: {} } as never) } })).toThrow(
    'dependencies.db.pool: expected a pg.Pool',
  )
})
