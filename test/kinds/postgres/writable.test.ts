/** `writable: true` against a real disk that is full: a database on a file system of its own. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import { check, type Options } from '../../support/check.ts'
import { until } from '../../support/net.ts'
import { checkerPassword, type PostgresServer, startPostgres } from '../../support/postgres.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres({ settings: { wal_level: 'logical' } })
})
afterAll(() => server.stop())

const ask = (given: Options) => {
  const login = { host: '127.0.0.1', port: server.port, user: 'checker', password: checkerPassword }
  return check(postgres, { ...login, database: 'orders', writable: true, ...given })
}

test('it writes a file, and leaves neither that nor a transaction id nor a dead row behind', async () => {
  const counted = async () => {
    const [row] = await server.admin(`
      SELECT pg_stat_force_next_flush();
      SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next,
        (SELECT sum(n_dead_tup) FROM pg_stat_all_tables)::int AS dead,
        (SELECT temp_files::int FROM pg_stat_database WHERE datname = 'orders') AS files,
        (SELECT count(*)::int FROM pg_ls_tmpdir()) AS left`)
    return row as { next: string; dead: number; files: number; left: number }
  }
  const before = await counted()
  expect(await ask({})).toMatchObject({ ok: true })
  await until(async () => (await counted()).files === before.files + 1, 'the file is counted')
  expect(await counted()).toEqual({ ...before, files: before.files + 1 })
})

test('a check without it writes no file', async () => {
  const [before] = await server.admin('SELECT pg_stat_get_db_temp_files(oid) AS n FROM pg_database')
  expect(await ask({ writable: false, role: 'primary' })).toMatchObject({ ok: true })
  const [after] = await server.admin('SELECT pg_stat_get_db_temp_files(oid) AS n FROM pg_database')
  expect(after).toEqual(before)
})

test('no setting of the role keeps the file from being written, but a limit on such files is told', async () => {
  await server.admin(`
    CREATE ROLE roomy LOGIN PASSWORD 'given'; ALTER ROLE roomy SET work_mem = '1GB';
    ALTER ROLE roomy SET temp_file_limit = '16kB'`)
  const result = await ask({ user: 'roomy', password: 'given' })
  expect(result).toMatchObject({ ok: false, reason: 'unhealthy', detail: '53400' })
})

test('a commit can be had as the query', async () => {
  const query = "SELECT pg_logical_emit_message(true, 'pulsecheck', '')"
  expect(await ask({ query })).toMatchObject({ ok: true })
})

/** As root, and where a container does not forbid it. */
const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0

describe.runIf(canMount)('on a disk of its own', () => {
  const disk = mkdtempSync(join(tmpdir(), 'pulsecheck-disk-'))
  const filler = join(disk, 'filler')
  beforeAll(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'pulsecheck-test', disk])
    chmodSync(disk, 0o777)
    await server.admin(`CREATE TABLESPACE small LOCATION '${join(disk, folder())}'`)
    await server.admin('CREATE DATABASE cramped TABLESPACE small')
  })
  afterAll(async () => {
    await server.kill()
    execFileSync('umount', [disk])
    rmSync(disk, { recursive: true })
  })

  test('a full one is 53100, and with room again it is ok', async () => {
    const given = { database: 'cramped' }
    expect(await ask(given)).toMatchObject({ ok: true })
    fill()
    const full = await ask(given)
    expect(full).toMatchObject({ ok: false, reason: 'unhealthy', detail: '53100' })
    expect(full.measurements).toMatchObject({ in_recovery: 0 })
    expect(await ask({ ...given, writable: false })).toMatchObject({ ok: true })
    rmSync(filler)
    expect(await ask(given)).toMatchObject({ ok: true })
  })

  /** A folder of the server's own on the disk. */
  function folder(): string {
    const { uid, gid } = statSync(server.dir)
    execFileSync('install', ['-d', '-m', '700', '-o', String(uid), '-g', String(gid), join(disk, 'small')])
    return 'small'
  }

  function fill(): void {
    try {
      writeFileSync(filler, Buffer.alloc(32 * 2 ** 20))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    }
  }
})
