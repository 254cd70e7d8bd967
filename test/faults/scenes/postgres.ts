/** PostgreSQL: a real server, killed, frozen, full, closed to us. */
import { Client } from 'pg'
import { type PostgresServer, startPostgres } from '../../support/postgres.ts'
import type { Fault, SceneScript } from '../scene.ts'

export const postgres: SceneScript = {
  async open() {
    const server = await startPostgres({
      settings: { max_connections: 10, superuser_reserved_connections: 2 },
    })
    await server.admin('CREATE TABLE locked (id int); GRANT SELECT ON locked TO checker')
    const lock = lockTable(server)
    const dependency = { kind: 'postgres', url: server.url }
    const sql = (text: string, database?: string) => async () => void (await server.admin(text, database))
    const faults: readonly Fault[] = [
      {
        id: 'N1',
        fault: 'the server is killed, and started again',
        dependency,
        verdict: { status: 'down', reason: 'connection_error', detail: ['ECONNREFUSED', 'ECONNRESET'] },
        inject: server.kill,
        heal: () => server.start(),
        delayMs: { heal: 3_000 },
      },
      {
        id: 'P1, P2',
        fault: 'postmaster and backends are frozen (SIGSTOP)',
        dependency,
        verdict: { status: 'down', reason: 'timeout', detail: 'timeout' },
        inject: server.freeze,
        heal: server.thaw,
      },
      {
        id: 'P3',
        fault: 'the role may not log in (NOLOGIN)',
        dependency,
        verdict: { status: 'down', reason: 'auth_error', detail: '28000' },
        inject: sql('ALTER ROLE checker NOLOGIN'),
        heal: sql('ALTER ROLE checker LOGIN'),
      },
      {
        id: 'P4',
        fault: 'the password is rotated',
        dependency,
        verdict: { status: 'down', reason: 'auth_error', detail: '28P01' },
        inject: sql("ALTER ROLE checker PASSWORD 'rotated'"),
        heal: sql("ALTER ROLE checker PASSWORD 'p@ss/w:rd %41'"),
      },
      {
        id: 'P5',
        fault: 'no connection is left (CONNECTION LIMIT 0)',
        dependency,
        verdict: { status: 'down', reason: 'unhealthy', detail: '53300' },
        inject: sql('ALTER ROLE checker CONNECTION LIMIT 0'),
        heal: sql('ALTER ROLE checker CONNECTION LIMIT -1'),
      },
      {
        id: 'P7',
        fault: 'transactions are read-only, `SELECT 1` alone',
        dependency,
        verdict: { status: 'up' },
        inject: sql('ALTER ROLE checker SET default_transaction_read_only = on'),
        heal: sql('ALTER ROLE checker RESET default_transaction_read_only'),
        times: 3,
      },
      {
        id: 'P7',
        fault: 'transactions are read-only, `writable: true`',
        dependency: { ...dependency, writable: true },
        verdict: { status: 'down', reason: 'unhealthy', detail: 'read_only' },
        inject: sql('ALTER ROLE checker SET default_transaction_read_only = on'),
        heal: sql('ALTER ROLE checker RESET default_transaction_read_only'),
      },
      {
        id: 'P10',
        fault: 'the database is gone',
        dependency,
        verdict: { status: 'down', reason: 'unhealthy', detail: '3D000' },
        inject: sql('ALTER DATABASE orders RENAME TO moved', 'postgres'),
        heal: sql('ALTER DATABASE moved RENAME TO orders', 'postgres'),
        times: 10,
      },
      {
        id: 'P10',
        fault: 'the database takes no connections',
        dependency,
        verdict: { status: 'down', reason: 'unhealthy', detail: '55000' },
        inject: sql('ALTER DATABASE orders ALLOW_CONNECTIONS false', 'postgres'),
        heal: sql('ALTER DATABASE orders ALLOW_CONNECTIONS true', 'postgres'),
        times: 10,
      },
      {
        id: 'P11',
        fault: 'the table of the query is locked',
        dependency: { ...dependency, query: 'SELECT count(*) FROM locked' },
        verdict: { status: 'down', reason: 'timeout', detail: ['57014', 'timeout'] },
        inject: lock.take,
        heal: lock.release,
        times: 10,
      },
    ]
    return {
      faults,
      unplayed: [
        {
          id: 'P6',
          fault: 'starting up',
          why: 'passes in milliseconds here; held by test/kinds/postgres.test.ts',
        },
        {
          id: 'P8',
          fault: 'a standby lags',
          why: 'a measurement, and no failure; held by test/kinds/postgres.test.ts',
        },
        {
          id: 'P9',
          fault: 'pg_terminate_backend',
          why: 'no session outlives a check; held by test/kinds/postgres.test.ts',
        },
        {
          id: 'P12, P13',
          fault: 'another protocol, 2 GB announced',
          why: 'held by test/kinds/postgres-wire.test.ts',
        },
        {
          id: 'P14',
          fault: 'a query of a million rows',
          why: 'no change to detect; held by test/kinds/postgres.test.ts',
        },
        {
          id: 'P15',
          fault: 'PG* in the environment',
          why: 'no change to detect; held by test/kinds/postgres.test.ts',
        },
        { id: 'P16', fault: 'PgBouncer', why: 'held by test/kinds/postgres-pooler.test.ts' },
      ],
      async close() {
        await lock.release()
        await server.stop()
      },
    }
  },
}

/** A lock on the table, held by a session of its own. */
function lockTable(server: PostgresServer) {
  let holder: Client | undefined
  return {
    async take() {
      holder = new Client({
        host: server.dir,
        port: server.port,
        user: 'postgres',
        password: 'unused',
        database: 'orders',
      })
      holder.on('error', () => {})
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE')
    },
    async release() {
      await holder?.end()
      holder = undefined
    },
  }
}
