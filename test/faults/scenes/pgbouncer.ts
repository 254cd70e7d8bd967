/** A real PgBouncer before a real PostgreSQL: paused, disabled, crowded, and alone. */
import { Client } from 'pg'
import { startPgBouncer } from '../../support/pgbouncer.ts'
import { checkerPassword, startPostgres } from '../../support/postgres.ts'
import type { Fault, SceneScript, Unplayed, Verdict } from '../scene.ts'

const unplayed: readonly Unplayed[] = [
  {
    id: 'P16',
    fault: 'a startup parameter that the pooler does not know',
    why: '`protocol_error/08P01`, and the message says to set `pooler: true`',
    heldBy: ['test/kinds/postgres/pooler.test.ts: says what to set if it is not known to be there'],
  },
]

export const pgbouncer: SceneScript = {
  unplayed,
  async open() {
    const server = await startPostgres({ settings: { max_connections: 20 } })
    const pooler = await startPgBouncer({
      databases: { orders: `host=127.0.0.1 port=${server.port} dbname=orders` },
      users: { checker: checkerPassword },
      settings: { query_wait_timeout: 1, default_pool_size: 1, server_login_retry: 1 },
    })
    const login = {
      host: '127.0.0.1',
      port: pooler.port,
      user: 'checker',
      password: checkerPassword,
      database: 'orders',
    }
    const dependency = { kind: 'postgres', ...login, pooler: true }
    const down = (reason: NonNullable<Verdict['reason']>, ...detail: readonly string[]): Verdict => ({
      status: 'down',
      reason,
      detail,
    })
    const admin = (command: string) => () => pooler.admin(command)
    let guest: Client | undefined
    const faults: readonly Fault[] = [
      {
        id: 'P16',
        fault: 'the database is disabled in PgBouncer',
        dependency,
        verdict: down('unhealthy', 'disabled'),
        inject: admin('DISABLE orders'),
        heal: admin('ENABLE orders'),
        times: 10,
      },
      {
        id: 'P16',
        fault: 'the database is paused, and its clients wait',
        dependency,
        verdict: down('timeout', 'timeout'),
        inject: admin('PAUSE orders'),
        heal: admin('RESUME orders'),
        times: 10,
      },
      {
        id: 'P16',
        fault: 'a transaction holds the only connection of the pool',
        dependency,
        verdict: down('timeout', 'timeout'),
        async inject() {
          guest = new Client({ ...login, ssl: false })
          guest.on('error', () => {})
          await guest.connect()
          await guest.query('BEGIN')
        },
        heal: async () => void (await guest?.end()),
        times: 10,
      },
      {
        id: 'P16',
        fault: 'the server behind PgBouncer is killed, and started again',
        dependency,
        verdict: { status: 'down' },
        inject: server.kill,
        heal: () => server.start(),
        // It tries its server again once a second, and only while a client waits.
        delayMs: { heal: 3_000 },
        times: 5,
      },
    ]
    return {
      faults,
      async close() {
        await pooler.stop()
        await server.stop()
      },
    }
  },
}
