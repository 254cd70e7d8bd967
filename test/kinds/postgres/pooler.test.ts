/** Through a real PgBouncer: what it says itself, and what it relays without its code. */
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options, startCheck } from '../../support/check.ts'
import { closedPort, until } from '../../support/net.ts'
import { type PgBouncer, type PgBouncerOptions, startPgBouncer } from '../../support/pgbouncer.ts'
import { checkerPassword, type PostgresServer, startPostgres } from '../../support/postgres.ts'

/** Its default is two minutes: nobody waits that long for a check. */
const settings = { query_wait_timeout: 1 }
const users = {
  checker: checkerPassword,
  rejected: 'x',
  stale: 'x',
  retired: 'x',
  crowded: 'x',
  excluded: 'x',
}
const login = {
  host: '127.0.0.1',
  user: 'checker',
  password: checkerPassword,
  database: 'orders',
  pooler: true,
}

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres({
    hba: ['host all rejected all reject', 'host orders,missing,template1 all all scram-sha-256'],
    settings: { superuser_reserved_connections: 3, max_connections: 12 },
  })
  await server.admin(`
    CREATE ROLE rejected LOGIN PASSWORD 'x'; CREATE ROLE stale LOGIN PASSWORD 'rotated';
    CREATE ROLE retired PASSWORD 'x'; CREATE ROLE crowded LOGIN PASSWORD 'x' CONNECTION LIMIT 0;
    CREATE ROLE excluded LOGIN PASSWORD 'x'`)
  await server.admin('CREATE DATABASE secluded')
  await server.admin(
    'REVOKE CONNECT ON DATABASE orders FROM PUBLIC; GRANT CONNECT ON DATABASE orders TO checker',
  )
})
afterAll(() => server.stop())

/** A PgBouncer before the server, until the test is over. */
async function bouncer(given: Partial<PgBouncerOptions> = {}): Promise<PgBouncer> {
  const started = await startBouncer(given)
  onTestFinished(started.stop)
  return started
}

async function startBouncer(given: Partial<PgBouncerOptions> = {}): Promise<PgBouncer> {
  const at = (dbname: string) => `host=127.0.0.1 port=${server.port} dbname=${dbname}`
  const databases = { orders: at('orders'), lost: at('missing'), unlisted: at('secluded') }
  return await startPgBouncer({ databases, users, ...given, settings: { ...settings, ...given.settings } })
}

describe('behind PgBouncer, pooling by transaction', () => {
  let pooler: PgBouncer
  beforeAll(async () => {
    pooler = await startBouncer()
  })
  afterAll(() => pooler.stop())
  const ask = (given: Options, timeoutMs?: number) =>
    check(postgres, { ...login, port: pooler.port, ...given }, timeoutMs)

  test('is ok, and tells what the server behind it is', async () => {
    const result = await ask({ role: 'primary', writable: true })
    expect(result).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
  })

  test('says what to set if it is not known to be there', async () => {
    const message = 'unsupported startup parameter: statement_timeout; set pooler: true'
    const result = await ask({ pooler: false })
    expect(result).toMatchObject({ ok: false, reason: 'protocol_error', detail: '08P01', message })
  })

  test.each([
    ['a wrong password', { password: 'wrong' }, 'auth_error', 'auth_failed'],
    ['an unknown user', { user: 'nobody' }, 'auth_error', 'auth_failed'],
    ['no TLS', { tls: {} }, 'tls_error', 'tls_protocol'],
    ['an unknown database', { database: 'missing' }, 'unhealthy', 'no_such_object'],
    ['a database that is missing behind it', { database: 'lost' }, 'unhealthy', '3D000'],
    ['a user whom the server rejects', { user: 'rejected', password: 'x' }, 'auth_error', '28000'],
    ['a database that pg_hba.conf does not list', { database: 'unlisted' }, 'auth_error', '28000'],
    ['a password that is stale behind it', { user: 'stale', password: 'x' }, 'auth_error', '28P01'],
    ['a user who may not log in behind it', { user: 'retired', password: 'x' }, 'auth_error', '28000'],
    ['a user without a right to the database', { user: 'excluded', password: 'x' }, 'auth_error', '42501'],
  ])('%s is a failure', async (_name, given, reason, detail) => {
    expect(await ask(given)).toMatchObject({ ok: false, reason, detail })
  })

  test('a query that takes too long is gone on the server behind it, too', async () => {
    const result = await ask({ query: 'SELECT pg_sleep(60)' }, 1_000)
    expect(result).toMatchObject({ ok: false, reason: 'timeout' })
    const sleeping = "SELECT FROM pg_stat_activity WHERE query LIKE '%sleep(60)' AND state = 'active'"
    await until(async () => (await server.admin(sleeping)).length === 0, 'the query is gone', 1_000)
  })

  test('the pooler survives every query that we cancel', async () => {
    const cancelled = Array.from({ length: 5 }, () => ask({ query: 'SELECT pg_sleep(60)' }, 1_000))
    for (const result of await Promise.all(cancelled)) expect(result).toMatchObject({ reason: 'timeout' })
    expect(await ask({})).toMatchObject({ ok: true })
  })

  test('a check that is given up leaves no query on the server behind it', async () => {
    const given = { ...login, port: pooler.port, query: 'SELECT pg_sleep(601)' }
    const running = startCheck(postgres, given, 60_000)
    const active = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(601)' AND state = 'active'"
    await until(async () => (await server.admin(active)).length === 1, 'the query runs')
    running.abort()
    await running.settled
    await until(async () => (await server.admin(active)).length === 0, 'the query is gone')
    expect(await ask({})).toMatchObject({ ok: true })
  })

  test('a session that ends on the server behind it keeps the code of the server', async () => {
    const result = await ask({ query: 'SELECT pg_terminate_backend(pg_backend_pid())' })
    expect(result).toMatchObject({ ok: false, reason: 'unhealthy', detail: '57P01' })
  })
})

describe('PgBouncer itself', () => {
  /** Long enough for its own limits, which it looks at every few hundred milliseconds. */
  const ask = (pooler: PgBouncer, given: Options = {}) =>
    check(postgres, { ...login, port: pooler.port, ...given }, 10_000)

  test('a database that is disabled, and enabled again', async () => {
    const pooler = await bouncer()
    await pooler.admin('DISABLE orders')
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: 'disabled' })
    await pooler.admin('ENABLE orders')
    expect(await ask(pooler)).toMatchObject({ ok: true })
  })

  test.each([
    ['query_wait_timeout', {}],
    ['query_timeout', { query_timeout: 1, query_wait_timeout: 30 }],
  ])('a database that is paused, until %s', async (message, settings) => {
    const pooler = await bouncer({ settings })
    expect(await ask(pooler)).toMatchObject({ ok: true })
    await pooler.admin('PAUSE orders')
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: 'overloaded', message })
    await pooler.admin('RESUME orders')
    expect(await ask(pooler)).toMatchObject({ ok: true })
  })

  test('a query beyond its query_timeout', async () => {
    const pooler = await bouncer({ settings: { query_timeout: 1 } })
    const result = await ask(pooler, { query: 'SELECT pg_sleep(60)' })
    expect(result).toMatchObject({ reason: 'timeout', detail: 'query_timeout' })
  })

  test('a demand for TLS', async () => {
    const authority = createAuthority()
    onTestFinished(() => authority.remove())
    const { certPem, keyPem } = authority.issue({ names: ['127.0.0.1'] })
    const settings = {
      client_tls_sslmode: 'require',
      client_tls_cert_file: 'FOLDER/cert.pem',
      client_tls_key_file: 'FOLDER/key.pem',
    }
    const pooler = await bouncer({ settings, files: { 'cert.pem': certPem, 'key.pem': keyPem } })
    expect(await ask(pooler)).toMatchObject({ reason: 'tls_error', detail: 'tls_required' })
    expect(await ask(pooler, { tls: { ca: authority.caPem } })).toMatchObject({ ok: true })
  })

  test('a user whom its own pg_hba.conf rejects', async () => {
    const hba = 'host all checker all reject\nhost all all all scram-sha-256'
    const settings = { auth_type: 'hba', auth_hba_file: 'FOLDER/hba.conf' }
    const pooler = await bouncer({ settings, files: { 'hba.conf': hba } })
    expect(await ask(pooler)).toMatchObject({ reason: 'auth_error', detail: 'auth_failed' })
  })

  test('more clients than it takes', async () => {
    const pooler = await bouncer({ settings: { max_client_conn: 1 } })
    let guest = new Client()
    // Until the pooler has forgotten the connection that found it listening.
    await until(async () => {
      guest = new Client({ ...login, port: pooler.port, ssl: false })
      return await guest.connect().then(
        () => true,
        () => false,
      )
    }, 'the only client is ours')
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: 'overloaded' })
    await guest.end()
  })

  test('a pool that is used up', async () => {
    const pooler = await bouncer({ settings: { default_pool_size: 1 } })
    const guest = new Client({ ...login, port: pooler.port, ssl: false })
    await guest.connect()
    await guest.query('BEGIN')
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: 'overloaded' })
    await guest.end()
  })

  test('nobody behind it', async () => {
    const databases = { orders: `host=127.0.0.1 port=${await closedPort()}` }
    const pooler = await bouncer({ databases, settings: { client_login_timeout: 1, query_wait_timeout: 30 } })
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: 'not_ready' })
  })

  test('nobody behind it any more', async () => {
    const lost = await startPostgres()
    onTestFinished(lost.stop)
    const pooler = await bouncer({ databases: { orders: `host=127.0.0.1 port=${lost.port}` } })
    expect(await ask(pooler)).toMatchObject({ ok: true })
    await lost.kill()
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: 'overloaded' })
    expect(await ask(pooler)).toMatchObject({
      reason: 'unhealthy',
      detail: 'not_ready',
      message: expect.stringContaining('server login has been failing'),
    })
  })

  test('no connection slot left behind it', async () => {
    const full = await startPostgres({ settings: { max_connections: 4, superuser_reserved_connections: 3 } })
    onTestFinished(full.stop)
    const guest = new Client({ connectionString: full.url })
    await guest.connect()
    const pooler = await bouncer({ databases: { orders: `host=127.0.0.1 port=${full.port}` } })
    expect(await ask(pooler)).toMatchObject({ reason: 'unhealthy', detail: '53300' })
    await guest.end()
  })
})
