/**
 * Real PostgreSQL clusters for tests, each in a temporary folder of its own and on a free loopback port: up in well
 * under a second, and gone with the test process. `initdb` runs once a process, and every cluster is a copy.
 *
 * A cluster has the database `orders` and two users with passwords: `checker`, a plain one that `url` logs in as, and
 * the superuser `postgres`, by whom `admin` works over a Unix socket.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Client } from 'pg'
import { closedPort, until } from './net.ts'

/** The password of `checker`. It needs escaping in a URL. */
export const checkerPassword = 'p@ss/w:rd %41'

export interface PostgresOptions {
  /** Further settings: `{ max_connections: 5 }`. They outrank the ones for speed. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** The lines of pg_hba.conf for TCP. Default: every user, with SCRAM. Unix sockets are always trusted. */
  readonly hba?: readonly string[]
  /** Serve TLS, too, with this certificate chain and key (PEM). */
  readonly tls?: { readonly certPem: string; readonly keyPem: string; readonly clientCaPem?: string }
  /** The folder of the programs to run. Default: those of the newest PostgreSQL that is installed. */
  readonly programs?: string
  /** A streaming standby of this cluster. */
  readonly standbyOf?: PostgresServer
  /** Default true: resolves when it answers. False: as soon as the process runs. */
  readonly ready?: boolean
}

export interface PostgresServer {
  readonly port: number
  /** `postgres://checker:...@127.0.0.1:port/orders` */
  readonly url: string
  /** The data folder, and the folder of the Unix socket. */
  readonly dir: string
  /** The postmaster's. It changes with a restart. */
  readonly pid: number
  /** Runs SQL as superuser over the Unix socket, in `orders` unless told otherwise; the rows of the last statement. */
  admin(sql: string, database?: string): Promise<Record<string, unknown>[]>
  /** Stops the server at once, cutting off every session, and keeps its data and its port. */
  kill(): Promise<void>
  /** Starts it again after `kill`. Resolves when it answers, or, with `ready: false`, as soon as the process runs. */
  start(options?: { ready?: boolean }): Promise<void>
  /** SIGSTOP to the postmaster and to every process below it; connections are still accepted by the kernel. */
  freeze(): void
  thaw(): void
  /** Ends the server, frozen or not, and deletes its data. */
  stop(): Promise<void>
}

const fast = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  autovacuum: 'off',
  jit: 'off',
  shared_buffers: '16MB',
  max_connections: 20,
  listen_addresses: '127.0.0.1',
  lc_messages: 'C',
}

export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const dir = newFolder()
  if (options.standbyOf === undefined) cpSync(template(options.programs), dir, { recursive: true })
  else cloneOf(options.standbyOf, dir)
  chmodSync(dir, 0o700)
  const port = await closedPort()
  const settings = {
    ...fast,
    port,
    unix_socket_directories: dir,
    ...tlsSettings(dir, options),
    ...options.settings,
  }
  const hba = [
    'local all all trust',
    'local replication all trust',
    ...(options.hba ?? ['host all all all scram-sha-256']),
  ]
  writeOwned(join(dir, 'pg_hba.conf'), `${hba.join('\n')}\n`)
  own(dir)
  let child = launch(dir, settings, options.programs)
  if (options.ready ?? true) await untilReady(dir, port, child)
  const signalAll = (name: NodeJS.Signals) => {
    const postmaster = child.pid ?? 0
    signal(postmaster, name)
    for (const pid of listChildren(postmaster)) signal(pid, name)
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    signalAll('SIGCONT')
    child.kill('SIGQUIT')
    await exit
  }
  return {
    port,
    dir,
    url: `postgres://checker:${encodeURIComponent(checkerPassword)}@127.0.0.1:${port}/orders`,
    get pid() {
      return child.pid ?? 0
    },
    admin: (sql, database = 'orders') => ask(dir, port, sql, database),
    kill,
    start: async ({ ready = true } = {}) => {
      child = launch(dir, settings, options.programs)
      if (ready) await untilReady(dir, port, child)
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    stop: async () => {
      await kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Servers end with the test process even if a test forgets to stop them, and so do their folders. */
const live = new Set<ChildProcess>()
const folders = new Set<string>()
process.once('exit', () => {
  for (const child of live) child.kill('SIGQUIT')
  // The servers may still be writing while they end.
  for (const folder of folders)
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 })
})
// The runner ends its workers by signal, and a signal alone is no exit.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(1))

function launch(
  dir: string,
  settings: Readonly<Record<string, string | number>>,
  programs?: string,
): ChildProcess {
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(binary('postgres', programs), ['-D', dir, ...given], {
    ...asOwner(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  live.add(child)
  child.once('exit', () => live.delete(child))
  child.stderr?.setEncoding('utf8').on('data', text => {
    logs.set(child, `${logs.get(child) ?? ''}${text}`.slice(-8_192))
  })
  return child
}

/** The end of what each server logged, for the message of a start that fails. */
const logs = new WeakMap<ChildProcess, string>()

async function untilReady(dir: string, port: number, child: ChildProcess): Promise<void> {
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${logs.get(child)}`)
    return await ask(dir, port, 'SELECT 1', 'postgres').then(
      () => true,
      () => false,
    )
  }, 'PostgreSQL answers')
}

async function ask(
  dir: string,
  port: number,
  sql: string,
  database: string,
): Promise<Record<string, unknown>[]> {
  const client = new Client({ host: dir, port, user: 'postgres', password: 'unused', database, ssl: false })
  client.on('error', () => {})
  await client.connect()
  try {
    const result: unknown = await client.query(sql)
    const last = Array.isArray(result) ? result.at(-1) : result
    return (last as { rows: Record<string, unknown>[] }).rows
  } finally {
    await client.end()
  }
}

function tlsSettings(dir: string, { tls }: PostgresOptions): Record<string, string> {
  if (tls === undefined) return {}
  writeOwned(join(dir, 'server.crt'), tls.certPem)
  writeOwned(join(dir, 'server.key'), tls.keyPem)
  if (tls.clientCaPem === undefined) return { ssl: 'on' }
  writeOwned(join(dir, 'client-ca.crt'), tls.clientCaPem)
  return { ssl: 'on', ssl_ca_file: 'client-ca.crt' }
}

/** The processes below a postmaster, which starts none while it is stopped. */
function listChildren(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

/** A backend may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const templates = new Map<string | undefined, string>()

/** A cluster that was initialised and never ran. */
function template(programs?: string): string {
  const made = templates.get(programs)
  if (made !== undefined) return made
  const dir = newFolder()
  const quick = ['--no-sync', '--wal-segsize=1', '--encoding=UTF8', '--locale=C', '--auth=trust']
  runAsOwner(binary('initdb', programs), ['-D', dir, '-U', 'postgres', ...quick])
  const password = checkerPassword.replaceAll("'", "''")
  const sql = [`CREATE ROLE checker LOGIN PASSWORD '${password}'`, 'CREATE DATABASE orders', '']
  runAsOwner(
    binary('postgres', programs),
    ['--single', '-D', dir, '-c', 'fsync=off', 'postgres'],
    sql.join('\n'),
  )
  templates.set(programs, dir)
  return dir
}

function cloneOf(primary: PostgresServer, dir: string): void {
  const source = ['-h', primary.dir, '-p', String(primary.port), '-U', 'postgres']
  runAsOwner(binary('pg_basebackup'), [
    ...source,
    '-D',
    dir,
    '-R',
    '-X',
    'stream',
    '--checkpoint=fast',
    '--no-sync',
  ])
}

function runAsOwner(program: string, args: readonly string[], input = ''): void {
  try {
    execFileSync(program, args, { ...asOwner(), input, stdio: ['pipe', 'ignore', 'pipe'] })
  } catch (error) {
    throw new Error(`${program} failed: ${(error as { stderr?: Buffer }).stderr}`, { cause: error })
  }
}

function newFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pulsecheck-postgres-'))
  folders.add(dir)
  own(dir)
  return dir
}

function writeOwned(file: string, content: string): void {
  writeFileSync(file, content, { mode: 0o600 })
}

/** PostgreSQL refuses to run as root, hence as Debian's user `postgres` then; otherwise as whoever runs the tests. */
function findOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }))
    return { uid: id('-u'), gid: id('-g') }
  } catch (error) {
    throw new Error('as root these tests need a user "postgres": apt-get install postgresql', {
      cause: error,
    })
  }
}

/** The surroundings of a server's own process, free of what a test plants in ours. */
function asOwner() {
  return { ...findOwner(), cwd: tmpdir(), env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' } }
}

function own(path: string): void {
  const who = findOwner()
  if (who === undefined) return
  chownSync(path, who.uid, who.gid)
  for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' }))
    chownSync(join(path, entry), who.uid, who.gid)
}

/** A program of this folder, or of the newest PostgreSQL that is installed, in Debian's place for it or on the PATH. */
function binary(name: string, folder?: string): string {
  if (folder !== undefined) return join(folder, name)
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map(version => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  const found = folders.map(folder => join(folder, name)).find(existsSync)
  if (found === undefined)
    throw new Error(`these tests need PostgreSQL (${name}): apt-get install postgresql`)
  return found
}
