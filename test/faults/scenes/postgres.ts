/** PostgreSQL: a real server, killed, frozen, full, closed to us. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { serve } from '../../support/net.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres.ts'
import type { Fault, Scene, SceneScript, Unplayed } from '../scene.ts'
import { openDisk } from './postgres-disk.ts'

const unplayed: readonly Unplayed[] = [
  {
    id: 'P6',
    fault: 'starting up, shutting down',
    why: '`unhealthy/57P03`, for as long as it lasts: milliseconds, on this machine',
    heldBy: ['test/kinds/postgres/postgres.test.ts: a restart is refused, then not ready, then ok'],
  },
  {
    id: 'P8',
    fault: 'a standby lags, or lost its primary',
    why: 'a measurement, and no failure',
    heldBy: [
      'test/kinds/postgres/postgres.test.ts: the lag grows while replay stands still, and while the primary is away',
    ],
  },
  {
    id: 'P13',
    fault: 'a message of 2 GB is announced; endless messages',
    why: '`protocol_error/body_too_large`',
    heldBy: ['test/kinds/postgres/wire.test.ts: endless messages are cut off at 1 MiB'],
  },
  {
    id: 'P14',
    fault: 'a query of a million rows',
    why: 'refused beyond 1,000 rows or 1 MiB',
    heldBy: ['test/kinds/postgres/postgres.test.ts: a million rows'],
  },
  {
    id: 'P15',
    fault: 'PGPASSWORD and the like in the environment',
    why: 'ignored',
    heldBy: ['test/kinds/postgres/postgres.test.ts: nothing in the environment or at home has a say'],
  },
]

export const postgres: SceneScript = {
  isolated: true,
  unplayed,
  async open() {
    const server = await startPostgres({
      settings: { max_connections: 10, superuser_reserved_connections: 2 },
    })
    await server.admin('CREATE TABLE locked (id int); GRANT SELECT ON locked TO checker')
    const lock = lockTable(server)
    const terminator = endSessions(server)
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
        id: 'P3',
        fault: 'the role loses its right to the table of the query',
        dependency: { ...dependency, query: 'SELECT count(*) FROM locked' },
        verdict: { status: 'down', reason: 'auth_error', detail: '42501' },
        inject: sql('REVOKE SELECT ON locked FROM checker'),
        heal: sql('GRANT SELECT ON locked TO checker'),
        times: 10,
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
        id: 'P10',
        fault: 'the table of the query is gone',
        dependency: { ...dependency, query: 'SELECT count(*) FROM locked' },
        verdict: { status: 'down', reason: 'unhealthy', detail: '42P01' },
        inject: sql('ALTER TABLE locked RENAME TO moved'),
        heal: sql('ALTER TABLE moved RENAME TO locked'),
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
      {
        id: 'P9',
        fault: 'an administrator ends every session within 20 ms (pg_terminate_backend)',
        dependency: { ...dependency, query: 'SELECT pg_sleep(0.1)' },
        verdict: { status: 'down', reason: 'unhealthy', detail: '57P01' },
        inject: () => terminator.start(),
        heal: () => terminator.stop(),
        times: 10,
      },
    ]
    const [disk, other] = [await openDisk(server), await openOther(server)]
    return {
      faults: [...faults, ...disk.faults, ...other.faults],
      async close() {
        await other.close()
        await lock.release()
        await server.stop()
        await disk.close()
      },
    }
  },
}

/** A lock on the table, held by a session of its own. */
function lockTable(server: PostgresServer) {
  let holder: Client | undefined
  return {
    async take() {
      holder = await superuser(server)
      await holder.query('BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE')
    },
    async release() {
      await holder?.end()
      holder = undefined
    },
  }
}

/** Ends the sessions of the check as fast as they come. */
function endSessions(server: PostgresServer) {
  let over: Promise<void> | undefined
  let goesOn = false
  const work = async () => {
    const admin = await superuser(server)
    while (goesOn) {
      await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'checker'")
      await sleep(20)
    }
    await admin.end()
  }
  return {
    start() {
      goesOn = true
      over = work()
    },
    async stop() {
      goesOn = false
      await over
    },
  }
}

async function superuser({ dir, port }: PostgresServer): Promise<Client> {
  const client = new Client({ host: dir, port, user: 'postgres', password: 'unused', database: 'orders' })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** A port on which something else answers than what did. */
async function openOther(server: PostgresServer): Promise<Scene> {
  let words: string | undefined
  const relay = await serve(socket => {
    const says = words
    if (says !== undefined) return void socket.once('data', () => socket.end(says))
    const onward = connect(server.port, '127.0.0.1').on('error', () => socket.destroy())
    socket
      .on('error', () => onward.destroy())
      .pipe(onward)
      .pipe(socket)
  })
  const url = server.url.replace(`:${server.port}/`, `:${relay.port}/`)
  const fault: Fault = {
    id: 'P12',
    fault: 'HTTP answers on the port',
    dependency: { kind: 'postgres', url },
    verdict: { status: 'down', reason: 'protocol_error', detail: 'protocol_error' },
    inject() {
      words = 'HTTP/1.1 400 Bad Request\r\n\r\n'
    },
    heal() {
      words = undefined
    },
    times: 10,
  }
  return { faults: [fault], close: relay.close }
}
