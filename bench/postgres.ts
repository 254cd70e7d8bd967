/**
 * CPU of one Postgres check, as the schedule runs it, against the bare driver that does the same: a fresh login and
 * `SELECT 1`. Both in this process, against a real PostgreSQL.
 *
 *     node bench/postgres.ts [--rounds=9] [--checks=150]
 */
import { Client } from 'pg'
import { postgres } from '../src/kinds/postgres/postgres.ts'
import { checkerPassword, startPostgres } from '../test/support/postgres.ts'
import { hold } from './support/bars.ts'
import { checkOf, cpuMsPer1000 } from './support/one-check.ts'
import { parameters } from './support/parameters.ts'
import { line, takeTurns } from './support/turns.ts'

const { rounds, checks } = parameters({ rounds: 9, checks: 150 })
const rows: Record<string, Record<string, string>> = {}

for (const method of ['trust', 'scram-sha-256']) {
  const server = await startPostgres({ hba: [`host all all all ${method}`] })
  const login = { host: '127.0.0.1', user: 'checker', password: checkerPassword, database: 'orders' }
  const options = { ...login, port: server.port }
  const ours = checkOf(postgres, options)
  const bare = async () => {
    const client = new Client({ ...options, ssl: false })
    client.on('error', () => {})
    await client.connect()
    await client.query('SELECT 1')
    await client.end()
  }
  try {
    const turns = await takeTurns(
      rounds,
      () => cpuMsPer1000(checks, ours),
      () => cpuMsPer1000(checks, bare),
    )
    hold({ what: `check of Postgres, ${method}: CPU`, value: turns.ratio, unit: ' × bare pg', atMost: 1.15 })
    rows[method] = line('pg', turns, 'at most 1.15')
  } finally {
    await server.stop()
  }
}
console.log(`CPU of 1,000 checks (ms), median of ${rounds} rounds of ${checks}`)
console.table(rows)
