/** PostgreSQL on a disk that is full. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PostgresServer } from '../../support/postgres.ts'
import type { Fault, Scene } from '../scene.ts'

/** A database on a file system of its own, which fills up. */
export async function openDisk(server: PostgresServer): Promise<Scene> {
  const disk = mkdtempSync(join(tmpdir(), 'pulsecheck-disk-'))
  const filler = join(disk, 'filler')
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'pulsecheck-faults', disk])
  chmodSync(disk, 0o777)
  const { uid, gid } = statSync(server.dir)
  const folder = join(disk, 'small')
  execFileSync('install', ['-d', '-m', '700', '-o', String(uid), '-g', String(gid), folder])
  await server.admin(`CREATE TABLESPACE small LOCATION '${folder}'`)
  await server.admin('CREATE DATABASE cramped TABLESPACE small')
  const cramped = { kind: 'postgres', url: server.url.replace(/orders$/, 'cramped') }
  const row = (fault: string, writable: boolean, verdict: Fault['verdict'], times: number): Fault => ({
    id: 'P7',
    fault: `the disk is full, ${fault}`,
    dependency: { ...cramped, writable },
    verdict,
    inject: () => fill(filler),
    heal: () => rmSync(filler),
    times,
  })
  return {
    faults: [
      row('`SELECT 1` alone', false, { status: 'up' }, 3),
      row('`writable: true`', true, { status: 'down', reason: 'unhealthy', detail: '53100' }, 10),
    ],
    async close() {
      execFileSync('umount', [disk])
      rmSync(disk, { recursive: true })
    },
  }
}

function fill(file: string): void {
  try {
    writeFileSync(file, Buffer.alloc(32 * 2 ** 20))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}
