/** Through a real PgBouncer (Debian, Ubuntu: `apt-get install pgbouncer`). */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../src/kinds/postgres.ts'
import { check, type Options } from '../support/check.ts'
import { closedPort, until } from '../support/net.ts'
import { checkerPassword, type PostgresServer, startPostgres } from '../support/postgres.ts'

describe('behind PgBouncer, pooling by transaction', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-pgbouncer-'))
  let server: PostgresServer
  let bouncer: ChildProcess
  let port: number
  beforeAll(async () => {
    server = await startPostgres()
    port = await closedPort()
    bouncer = start(folder, port, server.port)
    await until(async () => {
      const result = await ask({})
      return result.ok || result.detail !== 'ECONNREFUSED'
    }, 'PgBouncer listens')
  })
  afterAll(async () => {
    bouncer.kill('SIGKILL')
    await until(() => bouncer.exitCode !== null || bouncer.signalCode !== null, 'PgBouncer has ended')
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  const ask = (given: Options, timeoutMs?: number) => {
    const login = { host: '127.0.0.1', port, user: 'checker', password: checkerPassword, database: 'orders' }
    return check(postgres, { ...login, ...given }, timeoutMs)
  }

  test('is ok, and tells what the server behind it is', async () => {
    const result = await ask({ pooler: true, role: 'primary', writable: true })
    expect(result).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
  })

  test('says what to set if it is not known to be there', async () => {
    const message = 'unsupported startup parameter: statement_timeout; set pooler: true'
    expect(await ask({})).toMatchObject({ ok: false, reason: 'protocol_error', detail: '08P01', message })
  })

  test.each([
    ['a wrong password', { password: 'wrong' }, 'auth_error'],
    ['a missing database', { database: 'missing' }, 'unhealthy'],
    ['no TLS', { tls: {} }, 'tls_error'],
  ])('%s is %s', async (_name, given, reason) => {
    expect(await ask({ pooler: true, ...given })).toMatchObject({ ok: false, reason })
  })

  test('a query that takes too long is gone on the server behind it, too', async () => {
    const result = await ask({ pooler: true, query: 'SELECT pg_sleep(60)' }, 1_000)
    expect(result).toMatchObject({ ok: false, reason: 'timeout' })
    const sleeping = "SELECT FROM pg_stat_activity WHERE query LIKE '%sleep(60)' AND state = 'active'"
    await until(async () => (await server.admin(sleeping)).length === 0, 'the query is gone', 1_000)
  })
})

/** PgBouncer refuses to run as root. */
function start(folder: string, port: number, serverPort: number): ChildProcess {
  const users = join(folder, 'users.txt')
  writeFileSync(users, `"checker" "${checkerPassword}"\n`)
  const settings = {
    ...{ listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', pool_mode: 'transaction' },
    ...{ auth_type: 'scram-sha-256', auth_file: users },
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  const database = `orders = host=127.0.0.1 port=${serverPort} dbname=orders`
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(file, ['[databases]', database, '[pgbouncer]', ...lines, ''].join('\n'))
  chmodSync(folder, 0o755)
  const nobody = process.getuid?.() === 0 ? { uid: Number(execFileSync('id', ['-u', 'nobody'])) } : {}
  // Debian keeps it where only root's PATH leads.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  return spawn('pgbouncer', [file], { ...nobody, env, stdio: 'ignore' })
}
