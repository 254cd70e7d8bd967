/**
 * Real Redis servers on free loopback ports, each a process of its own with a temporary folder. Needs `redis-server` on
 * PATH (Debian, Ubuntu: `apt-get install redis-server`; macOS: `brew install redis`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { closedPort, until } from './net.ts'

export interface RedisOptions {
  /** Arguments of redis-server, beside those that this file gives: `['--requirepass', 'x']`. */
  readonly args?: readonly string[]
  /** Lines of a config file; Sentinel needs one, since it rewrites it. */
  readonly config?: string
  /** Files of the server's certificate: the port then speaks TLS alone. Client certificates are demanded with `ca`. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string }
  /** The password that `args` set, for `command`. */
  readonly password?: string
}

export interface RedisServer {
  readonly port: number
  /** `redis://127.0.0.1:port`, or `rediss://` with TLS. */
  readonly url: string
  /** Of the process that runs now. */
  readonly pid: number
  /** The working folder of the server: RDB files and its config. */
  readonly folder: string
  /** Runs a command on one connection (over a Unix socket) that stays open; rejects with an error reply. */
  command(...args: readonly [string, ...(string | number)[]]): Promise<unknown>
  /** Runs a command on a connection of its own, which ends with the server; nobody waits for it. */
  runAside(...args: readonly [string, ...(string | number)[]]): void
  /** Starts it again on the same port and folder, after `stop`; with more arguments if given. */
  start(...extra: readonly string[]): Promise<void>
  /** Kills the process; the folder stays. */
  stop(): Promise<void>
  /** SIGSTOP: the kernel still accepts connections, and nobody answers. */
  freeze(): void
  thaw(): void
  /** Kills the process and deletes the folder. */
  remove(): Promise<void>
}

/** Starts a server without persistence; resolves once it listens (it may still be LOADING). */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'pulsecheck-redis-'))
  const port = await closedPort()
  const socket = join(folder, 'admin.sock')
  const file = join(folder, 'redis.conf')
  await writeFile(file, options.config ?? '')
  let child: ChildProcess | undefined
  let admin: Redis | undefined
  const start = async (...extra: readonly string[]) => {
    const own = ['--dir', folder, '--unixsocket', socket, '--bind', '127.0.0.1', ...listenOn(port, options)]
    const volatile = options.args?.includes('--sentinel') ? [] : ['--save', '']
    const running = await launch([file, ...own, ...volatile, ...(options.args ?? []), ...extra])
    child = running
    await until(() => running.exitCode !== null || accepts(port), `redis-server listens on port ${port}`)
    if (running.exitCode !== null) throw new Error(`redis-server ended with code ${running.exitCode}`)
    admin = new Redis(socket, {
      enableReadyCheck: false,
      ...(options.password && { password: options.password }),
    })
    admin.on('error', () => {})
  }
  const stop = async () => {
    admin?.disconnect()
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  await start()
  return {
    port,
    url: `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0
    },
    folder,
    command: async (name, ...args) => await admin?.call(name, ...args),
    runAside(name, ...args) {
      const aside = new Redis(socket, {
        retryStrategy: null,
        ...(options.password && { password: options.password }),
      })
      aside.on('error', () => {})
      aside
        .call(name, ...args)
        .catch(() => {})
        .finally(() => aside.disconnect())
    },
    start,
    stop,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async remove() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A Sentinel of its own that watches one master under a name, with a quorum of one. */
export async function startSentinel(
  name: string,
  masterPort: number,
  args: readonly string[] = [],
): Promise<RedisServer> {
  const config = [
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} 1`,
    `sentinel down-after-milliseconds ${name} 200`,
    `sentinel failover-timeout ${name} 1000`,
  ]
  return await startRedis({ args: ['--sentinel', ...args], config: `${config.join('\n')}\n` })
}

/** A cluster of masters that share all slots, and know each other; resolves once each says `cluster_state:ok`. */
export async function startCluster(
  size: number,
  args: readonly string[] = [],
): Promise<readonly RedisServer[]> {
  const nodes = await Promise.all(
    Array.from({ length: size }, async () => {
      const busPort = String(await closedPort())
      const own = ['--cluster-enabled', 'yes', '--cluster-port', busPort, '--cluster-node-timeout', '500']
      const server = await startRedis({ args: [...own, ...args] })
      return { server, busPort }
    }),
  )
  const share = Math.ceil(16_384 / size)
  for (const [i, { server, busPort }] of nodes.entries()) {
    await server.command('CLUSTER', 'ADDSLOTSRANGE', i * share, Math.min(16_384, (i + 1) * share) - 1)
    await nodes[0]?.server.command('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort)
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1).catch(() => {})
  }
  for (const { server } of nodes)
    await until(
      async () =>
        /cluster_state:ok[\s\S]*cluster_known_nodes:(\d+)/.exec(
          String(await server.command('CLUSTER', 'INFO')),
        )?.[1] === String(size),
      'the cluster is whole',
    )
  return nodes.map(({ server }) => server)
}

async function launch(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  try {
    await once(child, 'spawn')
  } catch (error) {
    throw new Error('these tests need redis-server: apt-get install redis-server', { cause: error })
  }
  return child
}

function listenOn(port: number, { tls }: RedisOptions): readonly string[] {
  if (tls === undefined) return ['--port', String(port)]
  const files = ['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile]
  const clients = tls.clientCaFile
    ? ['--tls-ca-cert-file', tls.clientCaFile]
    : ['--tls-auth-clients', 'no', '--tls-ca-cert-file', tls.certFile]
  return ['--port', '0', '--tls-port', String(port), ...files, ...clients]
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
