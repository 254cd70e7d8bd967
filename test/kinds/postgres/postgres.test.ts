import { connect } from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import type { CheckResult } from '../../../src/model/dependency.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options, startCheck } from '../../support/check.ts'
import { serve, until } from '../../support/net.ts'
import { checkerPassword, type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { contract } from '../contract.ts'

const login = (port: number): Options => ({
  host: '127.0.0.1',
  port,
  user: 'checker',
  password: checkerPassword,
  database: 'orders',
})

contract({
  kind: postgres,
  options: login,
  secretive: (port, secret) => ({
    url: `postgres://checker:${encodeURIComponent(secret)}@127.0.0.1:${port}/orders?application_name=${encodeURIComponent(secret)}`,
  }),
  real: startPostgres,
  garbage: ['protocol_error'],
})

/** Our own sessions, as the server sees them. */
async function sessions(server: PostgresServer): Promise<number> {
  const [row] = await server.admin(
    "SELECT count(*)::int FROM pg_stat_activity WHERE usename = 'checker' AND pid <> pg_backend_pid()",
  )
  return Number(row?.count)
}

async function untilAlone(server: PostgresServer): Promise<void> {
  await until(async () => (await sessions(server)) === 0, 'no session is left', 1_000)
}

describe('a server that works', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres({
      hba: [
        'host all by_md5 all md5',
        'host all in_clear all password',
        'host all trusted all trust',
        'host all rejected all reject',
        'host all by_kerberos all gss',
        'host all all all scram-sha-256',
      ],
    })
    await server.admin(`
      CREATE TABLE locked (); GRANT SELECT ON locked TO checker; CREATE TABLE hidden ();
      CREATE ROLE in_clear LOGIN PASSWORD 'given'; CREATE ROLE trusted LOGIN; CREATE ROLE rejected LOGIN;
      CREATE ROLE locked_out PASSWORD 'given'; CREATE ROLE crowded LOGIN PASSWORD 'given' CONNECTION LIMIT 0;
      CREATE ROLE reader LOGIN PASSWORD 'given'; ALTER ROLE reader SET default_transaction_read_only = on;
      SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN PASSWORD 'given'`)
    // Its sessions end at the first question about the server's state.
    await server.admin(`
      CREATE ROLE doomed LOGIN PASSWORD 'given'; ALTER ROLE doomed SET search_path = trap, pg_catalog;
      CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO doomed; CREATE FUNCTION trap.pg_is_in_recovery()
      RETURNS bool SECURITY DEFINER LANGUAGE sql AS 'SELECT pg_terminate_backend(pg_backend_pid())'`)
    await server.admin('CREATE DATABASE closed ALLOW_CONNECTIONS false')
    await server.admin('CREATE DATABASE secluded')
    await server.admin('REVOKE CONNECT ON DATABASE secluded FROM PUBLIC')
  })
  afterAll(() => server.stop())
  const ask = (given: Options, timeoutMs?: number) =>
    check(postgres, { ...login(server.port), ...given }, timeoutMs)

  test('is ok by URL, with the phases of a login and what it is', async () => {
    const result = await check(postgres, { url: server.url, role: 'primary', writable: true })
    expect(result).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
    expect(Object.keys(result.phases)).toEqual(['connect', 'auth', 'request'])
    expect(result.measurements).not.toHaveProperty('replication_lag_seconds')
    await untilAlone(server)
  })

  test.each([
    ['SCRAM', {}],
    ['MD5', { user: 'by_md5', password: 'given' }],
    ['the password in clear, within this machine', { user: 'in_clear', password: 'given' }],
    ['no password where none is asked for', { user: 'trusted', password: undefined }],
  ])('logs in with %s', async (_name, given) => {
    expect(await ask(given)).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
  })

  test.each([
    ['a wrong password', { password: 'wrong' }, 'auth_error', '28P01'],
    ['a wrong password, by MD5', { user: 'by_md5', password: 'wrong' }, 'auth_error', '28P01'],
    ['no password', { password: undefined }, 'auth_error', 'no_password'],
    ['an empty password', { password: '' }, 'auth_error', 'no_password'],
    ['an unknown user', { user: 'nobody' }, 'auth_error', '28P01'],
    ['a user that may not log in', { user: 'locked_out', password: 'given' }, 'auth_error', '28000'],
    ['a user that pg_hba.conf rejects', { user: 'rejected' }, 'auth_error', '28000'],
    ['a database that is not for us', { database: 'secluded' }, 'auth_error', '42501'],
    ['a missing database', { database: 'missing' }, 'unhealthy', '3D000'],
    ['a closed database', { database: 'closed' }, 'unhealthy', '55000'],
    ['a user with too many sessions', { user: 'crowded', password: 'given' }, 'unhealthy', '53300'],
    ['a syntax error', { query: 'SELEKT 1' }, 'unhealthy', '42601'],
    ['a missing table', { query: 'SELECT * FROM missing' }, 'unhealthy', '42P01'],
    ['a table that is not for us', { query: 'SELECT * FROM hidden' }, 'auth_error', '42501'],
    ['a failure in the second statement', { query: 'SELECT 1; SELECT 1/0' }, 'unhealthy', '22012'],
    [
      'a failure in a late row',
      { query: 'SELECT 1/(9-i) FROM generate_series(1,9) i' },
      'unhealthy',
      '22012',
    ],
    [
      'a session that is ended',
      { query: 'SELECT pg_terminate_backend(pg_backend_pid())' },
      'unhealthy',
      '57P01',
    ],
    [
      'a session that is ended while it tells its state',
      { user: 'doomed', password: 'given', pooler: true },
      'unhealthy',
      '57P01',
    ],
    ['Kerberos', { user: 'by_kerberos' }, 'auth_error', 'auth_method_unsupported'],
    [
      'a write where all is read-only',
      { user: 'reader', password: 'given', query: 'CREATE TABLE x ()' },
      'unhealthy',
      '25006',
    ],
    ['read-only by default', { user: 'reader', password: 'given', writable: true }, 'unhealthy', 'read_only'],
    [
      'a query that ends by another limit than ours',
      { query: 'SET statement_timeout = 50; SELECT pg_sleep(60)' },
      'unhealthy',
      '57014',
    ],
    ['the wrong role', { role: 'standby' }, 'unhealthy', 'wrong_role'],
    ['a million rows', { query: 'SELECT generate_series(1, 1000000)' }, 'protocol_error', 'body_too_large'],
    ['one row of 3 MB', { query: "SELECT repeat('x', 3000000)" }, 'protocol_error', 'body_too_large'],
    [
      'a table copied out',
      { query: "COPY (SELECT repeat('x', 3000000)) TO STDOUT" },
      'protocol_error',
      'body_too_large',
    ],
  ])('%s is a failure', async (_name, given, reason, detail) => {
    const result = await ask(given)
    expect(result).toMatchObject({ ok: false, reason, detail })
    await untilAlone(server)
  })

  test.each([
    'SELECT 1 AS a; SELECT 2 AS b',
    'SELECT 1;',
    '-- nothing',
    'DO $$ BEGIN RAISE NOTICE $n$hello$n$; END $$',
    'SELECT generate_series(1, 1000)',
    'COPY (SELECT 1) TO STDOUT',
    'BEGIN; CREATE TEMP TABLE t (id int) ON COMMIT DROP; INSERT INTO t VALUES (1); ROLLBACK',
    "SELECT '{'::text, null, '\\x00'::bytea, now()",
  ])('runs the query as it is: %s', async query => {
    expect(await ask({ query })).toMatchObject({ ok: true })
  })

  test('SELECT 1 is ok on a server that is read-only by default', async () => {
    expect(await ask({ user: 'reader', password: 'given' })).toMatchObject({ ok: true })
  })

  test('a check that has ended by itself asks for no cancel', async () => {
    let accepted = 0
    const between = await serve(socket => {
      accepted += 1
      const behind = connect(server.port, '127.0.0.1')
      behind
        .on('error', () => {})
        .pipe(socket)
        .pipe(behind)
    })
    onTestFinished(between.close)
    expect(await check(postgres, login(between.port))).toMatchObject({ ok: true })
    const failing = { ...login(between.port), query: 'SELECT 1/0', pooler: true }
    expect(await check(postgres, failing)).toMatchObject({ ok: false, detail: '22012' })
    await until(() => between.open.size === 0, 'both are gone')
    expect(accepted).toBe(2)
  })

  test('a rotated password is seen by the next check', async () => {
    await server.admin("CREATE ROLE rotated LOGIN PASSWORD 'old'")
    const given = { user: 'rotated', password: 'old' }
    expect(await ask(given)).toMatchObject({ ok: true })
    await server.admin("ALTER ROLE rotated PASSWORD 'new'")
    expect(await ask(given)).toMatchObject({ ok: false, reason: 'auth_error', detail: '28P01' })
  })

  test('the server gives up a little before us', async () => {
    const settled = (timeoutMs: number) =>
      ask(
        { query: `SELECT 1/(current_setting('statement_timeout') = '${timeoutMs}ms')::int` },
        timeoutMs + 200,
      )
    expect(await settled(1_700)).toMatchObject({ ok: true })
    const query = "SELECT 1/(current_setting('statement_timeout') = '150ms')::int"
    expect(await ask({ query }, 300)).toMatchObject({ ok: true })
  })

  describe('with a lock in the way', () => {
    let holder: Client
    beforeAll(async () => {
      holder = new Client({
        host: server.dir,
        port: server.port,
        user: 'postgres',
        password: 'x',
        database: 'orders',
      })
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE locked')
    })
    afterAll(() => holder.end())
    const query = 'SELECT * FROM locked'

    test('the query has ended before the check', async () => {
      const result = await ask({ query }, 2_000)
      expect(result).toMatchObject({ ok: false, reason: 'timeout', detail: '57014', durationMs: 2_000 })
      await untilAlone(server)
    })

    test.each([false, true])(
      'an administrator who cancels the query is no timeout; pooler: %s',
      async pooler => {
        const running = startCheck(postgres, { ...login(server.port), query, pooler }, 60_000)
        const waiting = `FROM pg_stat_activity WHERE usename = 'checker' AND wait_event_type = 'Lock'`
        await until(async () => (await server.admin(`SELECT ${waiting}`)).length === 1, 'the query waits')
        await server.admin(`SELECT pg_cancel_backend(pid) ${waiting}`)
        const outcome = await running.outcome
        expect(outcome).toMatchObject({ ok: false, reason: 'unhealthy', detail: '57014' })
        expect((outcome as CheckResult).durationMs).toBeLessThan(60_000)
        await running.settled
      },
    )

    test('behind a pooler the query is cancelled', async () => {
      const result = await ask({ query, pooler: true }, 400)
      expect(result).toMatchObject({ ok: false, reason: 'timeout' })
      await untilAlone(server)
    })

    test('an abort cancels the query long before any timeout', async () => {
      const running = startCheck(postgres, { ...login(server.port), query }, 60_000)
      await until(async () => (await sessions(server)) === 1, 'the query waits')
      running.abort()
      await running.settled
      await untilAlone(server)
    })
  })

  test('nothing in the environment or at home has a say', async () => {
    const planted = {
      ...{
        PGHOST: '192.0.2.1',
        PGPORT: '1',
        PGUSER: 'postgres',
        PGDATABASE: 'missing',
        PGSSLMODE: 'require',
      },
      ...{ PGPASSWORD: checkerPassword, PGOPTIONS: '-c search_path=planted', PGAPPNAME: 'planted' },
      ...{ PGSSLNEGOTIATION: 'direct', PGREPLICATION: 'true', PGCLIENT_ENCODING: 'LATIN1' },
      ...{ PGSERVICE: 'planted', PGCONNECT_TIMEOUT: '1', PGTARGETSESSIONATTRS: 'standby' },
    }
    Object.assign(process.env, planted)
    onTestFinished(() => {
      for (const name of Object.keys(planted)) delete process.env[name]
    })
    const seen =
      "current_setting('search_path') || current_setting('application_name') || current_setting('client_encoding')"
    const query = `SELECT 1/(${seen} NOT LIKE '%planted%' AND ${seen} LIKE '%pulsecheckUTF8')::int`
    expect(await ask({ query })).toMatchObject({ ok: true })
    expect(await ask({ database: undefined })).toMatchObject({
      detail: '3D000',
      message: expect.stringContaining('checker'),
    })
    expect(await ask({ password: undefined })).toMatchObject({ detail: 'no_password' })
  })

  test('a name of the application in the URL is the one that is seen', async () => {
    const query = "SELECT 1/(current_setting('application_name') = 'orders probe')::int"
    const url = `${server.url}?application_name=orders%20probe&connect_timeout=10&sslmode=disable`
    expect(await check(postgres, { url, query })).toMatchObject({ ok: true })
  })

  test('no parameter of ours goes to a pooler', async () => {
    const seen = "current_setting('application_name') || current_setting('statement_timeout')"
    const result = await ask({ pooler: true, query: `SELECT 1/(${seen} = '0')::int` })
    expect(result).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
  })
})

test('no slot left is 53300, and ok again with the next free one', async () => {
  const server = await startPostgres({ settings: { max_connections: 4, superuser_reserved_connections: 3 } })
  onTestFinished(server.stop)
  const guest = new Client({ connectionString: server.url })
  await guest.connect()
  const result = await check(postgres, login(server.port))
  expect(result).toMatchObject({ ok: false, reason: 'unhealthy', detail: '53300' })
  await guest.end()
  await untilAlone(server)
  expect(await check(postgres, login(server.port))).toMatchObject({ ok: true })
})

describe('a server that is frozen', () => {
  test('is a timeout, and after it thaws none of our sessions is left', async () => {
    const server = await startPostgres()
    onTestFinished(server.stop)
    server.freeze()
    const results = await Promise.all(
      Array.from({ length: 5 }, () => check(postgres, login(server.port), 300)),
    )
    for (const result of results)
      expect(result).toMatchObject({
        ok: false,
        reason: 'timeout',
        message: expect.stringContaining('phase auth'),
      })
    server.thaw()
    expect(await check(postgres, login(server.port))).toMatchObject({ ok: true })
    await untilAlone(server)
  })

  test('in a single backend, in the middle of a query, is a timeout; later the query is gone', async () => {
    const server = await startPostgres()
    onTestFinished(server.stop)
    const running = startCheck(postgres, { ...login(server.port), query: 'SELECT pg_sleep(60)' }, 1_000)
    await until(async () => (await sessions(server)) === 1, 'the query runs')
    const [backend] = await server.admin("SELECT pid FROM pg_stat_activity WHERE usename = 'checker'")
    process.kill(Number(backend?.pid), 'SIGSTOP')
    const outcome = await running.outcome
    expect(outcome).toMatchObject({ reason: 'timeout', detail: 'timeout', durationMs: 1_000 })
    await running.settled
    process.kill(Number(backend?.pid), 'SIGCONT')
    await untilAlone(server)
  })
})

test('a restart is refused, then not ready, then ok', async () => {
  const server = await startPostgres()
  onTestFinished(server.stop)
  await server.kill()
  const down = await check(postgres, login(server.port))
  expect(down).toMatchObject({ reason: 'connection_error', detail: 'ECONNREFUSED' })
  await server.start()
  expect(await check(postgres, login(server.port))).toMatchObject({ ok: true })
})

describe('a primary and its standby', () => {
  let primary: PostgresServer
  let standby: PostgresServer
  beforeAll(async () => {
    primary = await startPostgres()
    await primary.admin('CREATE TABLE written (at timestamptz)')
    standby = await startPostgres({ standbyOf: primary })
    await until(
      async () => (await standby.admin('SELECT FROM pg_stat_wal_receiver')).length === 1,
      'it streams',
    )
  })
  afterAll(async () => {
    await standby.stop()
    await primary.stop()
  })
  const ask = (given: Options) => check(postgres, { ...login(standby.port), ...given })

  test('SELECT 1 is ok on a standby, which says that it is one and how far behind', async () => {
    expect(await ask({})).toMatchObject({
      ok: true,
      measurements: { in_recovery: 1, replication_lag_seconds: 0 },
    })
    expect(await ask({ role: 'standby', pooler: true })).toMatchObject({
      ok: true,
      measurements: { in_recovery: 1 },
    })
  })

  test.each([
    [{ role: 'primary' }, 'the server is a standby; a primary is expected'],
    [{ writable: true }, 'the server is a standby and accepts no writes'],
  ])('%j is not met by a standby', async (given, message) => {
    const result = await ask(given)
    expect(result).toMatchObject({ ok: false, reason: 'unhealthy', detail: 'read_only', message })
    expect(result.measurements).toMatchObject({ in_recovery: 1 })
  })

  test('the lag grows while replay stands still, and while the primary is away', async () => {
    const lag = async () => (await ask({})).measurements.replication_lag_seconds ?? Number.NaN
    await primary.admin('INSERT INTO written VALUES (now())')
    await until(async () => (await standby.admin('SELECT FROM written')).length === 1, 'it is replayed')
    await standby.admin('SELECT pg_wal_replay_pause()')
    await primary.admin('INSERT INTO written VALUES (now())')
    await until(async () => (await lag()) > 0.1, 'the lag grows')
    await standby.admin('SELECT pg_wal_replay_resume()')
    await until(async () => (await lag()) === 0, 'it has caught up')
    await primary.kill()
    await until(async () => (await lag()) > 0.1, 'nobody says that it is up to date')
    await primary.start()
    await until(async () => (await lag()) === 0, 'it streams again')
  })

  test('a standby that lets nobody read is 57P03', async () => {
    const silent = await startPostgres({ standbyOf: primary, settings: { hot_standby: 'off' }, ready: false })
    onTestFinished(silent.stop)
    await until(async () => {
      const result = await check(postgres, login(silent.port))
      return !result.ok && result.reason === 'unhealthy' && result.detail === '57P03'
    }, 'it is not ready')
  })

  test('a promotion is seen by the next check', async () => {
    const promoted = await startPostgres({ standbyOf: primary })
    onTestFinished(promoted.stop)
    const given = { ...login(promoted.port), role: 'primary', writable: true }
    expect(await check(postgres, given)).toMatchObject({ ok: false, detail: 'read_only' })
    await promoted.admin('SELECT pg_promote()')
    expect(await check(postgres, given)).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
  })
})

describe('TLS', () => {
  const authority = createAuthority()
  const stranger = createAuthority('Somebody Else')
  const client = authority.issue({ names: ['checker'], commonName: 'checker' })
  const notAfter = new Date('2031-05-06T07:08:09Z')
  const { certPem, keyPem } = authority.issue({ names: ['localhost', '127.0.0.1'], notAfter })
  let server: PostgresServer
  let expired: PostgresServer
  beforeAll(async () => {
    const hba = [
      'hostnossl all all all reject',
      'hostssl all postgres all cert',
      'hostssl all all all scram-sha-256',
    ]
    server = await startPostgres({ hba, tls: { certPem, keyPem, clientCaPem: authority.caPem } })
    expired = await startPostgres({ tls: authority.issue({ expired: true }) })
  })
  afterAll(async () => {
    await server.stop()
    await expired.stop()
    authority.remove()
    stranger.remove()
  })
  const ca = authority.caPem
  const ask = (tls: Options, given: Options = {}) =>
    check(postgres, { ...login(server.port), ...given, tls: { ca, ...tls } })

  test('a verified server is ok, with a phase and an expiry', async () => {
    const result = await ask({})
    expect(result).toMatchObject({
      ok: true,
      measurements: { tls_not_after_timestamp_seconds: notAfter.getTime() / 1_000 },
    })
    expect(Object.keys(result.phases)).toEqual(['connect', 'tls', 'auth', 'request'])
  })

  test.each([
    ['an unknown authority', { ca: stranger.caPem }, 'tls_error', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['another name', { servername: 'db.example' }, 'tls_error', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('%s is refused', async (_name, tls, reason, detail) => {
    const result = await ask(tls)
    expect(result).toMatchObject({ ok: false, reason, detail })
    expect(result.measurements).toHaveProperty('tls_not_after_timestamp_seconds')
  })

  test('an expired certificate is refused, and its expiry is told', async () => {
    const result = await check(postgres, { ...login(expired.port), tls: { ca } })
    expect(result).toMatchObject({ ok: false, reason: 'tls_error', detail: 'CERT_HAS_EXPIRED' })
    expect(result.measurements.tls_not_after_timestamp_seconds).toBeLessThan(Date.now() / 1_000)
  })

  test.each([
    ['require', { ok: false, reason: 'tls_error' }],
    ['verify-ca', { ok: false, reason: 'tls_error' }],
    ['verify-full', { ok: false, reason: 'tls_error' }],
    ['no-verify', { ok: true }],
    ['disable', { ok: false, reason: 'auth_error', detail: '28000' }],
  ])('sslmode=%s against an authority that the system does not know', async (mode, outcome) => {
    expect(await check(postgres, { url: `${server.url}?sslmode=${mode}` })).toMatchObject(outcome)
  })

  test('a client certificate is asked for, and given', async () => {
    const asChecker = { user: 'postgres', password: undefined }
    expect(await ask({}, asChecker)).toMatchObject({ ok: false, reason: 'auth_error', detail: '28000' })
    const own = authority.issue({ names: [], commonName: 'postgres' })
    expect(await ask({ cert: own.certPem, key: own.keyPem }, asChecker)).toMatchObject({ ok: true })
    const others = { cert: client.certPem, key: client.keyPem }
    expect(await ask(others, asChecker)).toMatchObject({ ok: false, reason: 'auth_error', detail: '28000' })
  })

  test('a server without TLS is tls_protocol', async () => {
    const plain = await startPostgres()
    onTestFinished(plain.stop)
    const result = await check(postgres, { ...login(plain.port), tls: { ca } })
    expect(result).toMatchObject({ ok: false, reason: 'tls_error', detail: 'tls_protocol' })
  })

  test('a query is cancelled over TLS as well', async () => {
    const given = { query: 'SELECT pg_sleep(60)', pooler: true }
    const result = await check(postgres, { ...login(server.port), ...given, tls: { ca } }, 500)
    expect(result).toMatchObject({ ok: false, reason: 'timeout' })
    await untilAlone(server)
  })
})
