/** A real PgBouncer for tests (Debian, Ubuntu: `apt-get install pgbouncer`), on a free loopback port. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { closedPort, until } from './net.ts'

export interface PgBouncerOptions {
  /** Databases and what stands behind each: `{ orders: 'host=127.0.0.1 port=5432' }`. */
  readonly databases: Readonly<Record<string, string>>
  /** Users and their passwords, towards the pooler and towards the server. */
  readonly users: Readonly<Record<string, string>>
  readonly settings?: Readonly<Record<string, string | number>>
  /** Files beside the config, by name; a setting names one as `FOLDER/name`. */
  readonly files?: Readonly<Record<string, string>>
}

export interface PgBouncer {
  readonly port: number
  /** A command of the administration console, such as `PAUSE orders`. */
  admin(command: string): Promise<void>
  stop(): Promise<void>
}

const administrator = { user: 'administrator', password: 'unused' }

export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-pgbouncer-'))
  const port = await closedPort()
  const users = { ...options.users, [administrator.user]: administrator.password }
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
  const files = {
    ...options.files,
    'users.txt': Object.entries(users)
      .map(entry => entry.map(quoted).join(' '))
      .join('\n'),
    'pgbouncer.ini': config(port, options).replaceAll('FOLDER', folder),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), `${text}\n`)
  chmodSync(folder, 0o755)
  const child = spawn('pgbouncer', [join(folder, 'pgbouncer.ini')], { ...asNobody(), stdio: 'ignore' })
  const ended = once(child, 'exit')
  await until(() => isListening(port), 'PgBouncer listens')
  return {
    port,
    admin: command => administer(port, command),
    async stop() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

function config(port: number, { databases, settings }: PgBouncerOptions): string {
  const given = {
    ...{ listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', pool_mode: 'transaction' },
    ...{ auth_type: 'scram-sha-256', auth_file: 'FOLDER/users.txt', admin_users: administrator.user },
    ...settings,
  }
  const lines = (section: object) => Object.entries(section).map(([key, value]) => `${key} = ${value}`)
  return ['[databases]', ...lines(databases), '[pgbouncer]', ...lines(given)].join('\n')
}

/** PgBouncer refuses to run as root, and Debian keeps it where only root's PATH leads. */
function asNobody() {
  const nobody = process.getuid?.() === 0 ? { uid: Number(execFileSync('id', ['-u', 'nobody'])) } : {}
  return { ...nobody, env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } }
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function administer(port: number, command: string): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port, ...administrator, database: 'pgbouncer', ssl: false })
  client.on('error', () => {})
  await client.connect()
  await client.query(command)
  await client.end()
}
