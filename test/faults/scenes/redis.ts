/** Redis: real servers, frozen, killed, misconfigured; behind Sentinel; as a Cluster. */
import { closedPort, serve } from '../../support/net.ts'
import { type RedisServer, startCluster, startRedis, startSentinel } from '../../support/redis.ts'
import type { Fault, Scene, SceneScript } from '../scene.ts'

const password = 'right-password'

export const redis: SceneScript = {
  async open() {
    const [single, replicated, cluster] = await Promise.all([openSingle(), openReplicated(), openCluster()])
    const scenes = [single, replicated, cluster]
    return {
      faults: scenes.flatMap(({ faults }) => faults),
      unplayed: [
        { id: 'R2', fault: 'frozen at connect', why: 'the same as R1: every check connects anew' },
        {
          id: 'R9',
          fault: 'a wrong password in the config',
          why: 'no change to detect; held by test/kinds/redis.test.ts',
        },
        {
          id: 'R11',
          fault: 'CLIENT PAUSE WRITE',
          why: 'PING is not paused; held by test/kinds/redis.test.ts',
        },
        {
          id: 'R16',
          fault: '1,000 targets come back at once',
          why: 'held by the schedule: one connection a tick each',
        },
      ],
      async close() {
        await Promise.all(scenes.map(scene => scene.close()))
      },
    }
  },
}

async function openSingle(): Promise<Scene> {
  const server = await startRedis({
    args: ['--requirepass', password, '--enable-debug-command', 'local'],
    password,
  })
  const dependency = { kind: 'redis', url: server.url, password }
  const set = (key: string, value: string) => async () =>
    void (await server.command('CONFIG', 'SET', key, value))
  const script = busyScript(server)
  const faults: readonly Fault[] = [
    {
      id: 'N1',
      fault: 'the server is killed, and started again',
      dependency,
      verdict: { status: 'down', reason: 'connection_error', detail: ['ECONNREFUSED', 'ECONNRESET'] },
      inject: server.stop,
      heal: () => server.start(),
      delayMs: { heal: 300 },
    },
    {
      id: 'R1',
      fault: 'the server is frozen (SIGSTOP)',
      dependency,
      verdict: { status: 'down', reason: 'timeout', detail: 'timeout' },
      inject: server.freeze,
      heal: server.thaw,
    },
    {
      id: 'R4',
      fault: 'a script that does not end (BUSY)',
      dependency,
      verdict: { status: 'down', reason: 'unhealthy', detail: 'BUSY' },
      inject: script.start,
      heal: script.stop,
      delayMs: { inject: 100 },
      times: 5,
    },
    {
      id: 'R5',
      fault: 'out of memory (maxmemory 1), PING only',
      dependency,
      verdict: { status: 'up' },
      inject: set('maxmemory', '1'),
      heal: set('maxmemory', '0'),
      times: 3,
    },
    {
      id: 'R5',
      fault: 'out of memory (maxmemory 1), `writable: true`',
      dependency: { ...dependency, writable: true },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'OOM' },
      inject: set('maxmemory', '1'),
      heal: set('maxmemory', '0'),
    },
    {
      id: 'R8',
      fault: 'the password is changed (CONFIG SET requirepass)',
      dependency,
      verdict: { status: 'down', reason: 'auth_error', detail: 'WRONGPASS' },
      inject: set('requirepass', 'another-password'),
      heal: set('requirepass', password),
    },
    {
      id: 'R10',
      fault: 'all connections are taken (maxclients)',
      dependency,
      verdict: { status: 'down', reason: 'unhealthy', detail: 'overloaded' },
      inject: set('maxclients', '1'),
      heal: set('maxclients', '1000'),
    },
    {
      id: 'R11',
      fault: 'CLIENT PAUSE ALL',
      dependency,
      verdict: { status: 'down', reason: 'timeout', detail: 'timeout' },
      inject: async () => void (await server.command('CLIENT', 'PAUSE', 60_000, 'ALL')),
      heal: async () => void (await server.command('CLIENT', 'UNPAUSE')),
    },
  ]
  return { faults, close: server.remove }
}

/** A script that runs for ever on a connection of its own, until it is killed. */
function busyScript(server: RedisServer) {
  return {
    async start() {
      await server.command('CONFIG', 'SET', 'busy-reply-threshold', 1)
      void server.runAside('EVAL', 'while true do end', 0)
    },
    async stop() {
      await server.command('SCRIPT', 'KILL').catch(() => {})
    },
  }
}

async function openReplicated(): Promise<Scene> {
  const master = await startRedis()
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
  const sentinel = await startSentinel('main', master.port)
  const faults: readonly Fault[] = [
    {
      id: 'R6',
      fault: 'the master becomes a replica, `role: master`',
      dependency: { kind: 'redis', url: master.url, role: 'master' },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'read_only' },
      inject: async () => void (await master.command('REPLICAOF', '127.0.0.1', replica.port)),
      heal: async () => void (await master.command('REPLICAOF', 'NO', 'ONE')),
      times: 5,
    },
    {
      id: 'R7',
      fault: 'a replica whose master is gone (`replica-serve-stale-data no`)',
      dependency: { kind: 'redis', url: replica.url },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'MASTERDOWN' },
      inject: async () => {
        await replica.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
        await replica.command('REPLICAOF', '127.0.0.1', await closedPort())
      },
      heal: async () => void (await replica.command('REPLICAOF', '127.0.0.1', master.port)),
      delayMs: { heal: 2_000 },
      times: 5,
    },
    {
      id: 'R14',
      fault: 'all sentinels are frozen',
      dependency: {
        kind: 'redis',
        sentinel: { name: 'main', nodes: [`127.0.0.1:${sentinel.port}`] },
      },
      verdict: { status: 'down', reason: 'timeout', detail: 'timeout' },
      inject: sentinel.freeze,
      heal: sentinel.thaw,
      times: 5,
    },
  ]
  return {
    faults,
    async close() {
      await Promise.all([sentinel.remove(), replica.remove(), master.remove()])
    },
  }
}

async function openCluster(): Promise<Scene> {
  const nodes = await startCluster(3)
  const [first] = nodes
  const faults: readonly Fault[] = [
    {
      id: 'R15',
      fault: 'a slot of the cluster is served by nobody',
      dependency: { kind: 'redis', cluster: { nodes: nodes.map(({ port }) => `127.0.0.1:${port}`) } },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'not_ready' },
      inject: async () => void (await Promise.all(nodes.map(node => node.command('CLUSTER', 'DELSLOTS', 1)))),
      heal: async () => void (await first?.command('CLUSTER', 'ADDSLOTS', 1)),
      delayMs: { heal: 3_000 },
      times: 5,
    },
  ]
  return {
    faults,
    async close() {
      await Promise.all(nodes.map(node => node.remove()))
    },
  }
}

/** What is on the port is not Redis at all. */
export const impostors: SceneScript = {
  async open() {
    let says = '+PONG\r\n'
    const server = await serve(socket => {
      socket.on('data', () => socket.write(says))
    })
    const dependency = { kind: 'redis', url: `redis://127.0.0.1:${server.port}` }
    const row = (id: string, fault: string, words: string, verdict: Fault['verdict']): Fault => ({
      id,
      fault,
      dependency,
      verdict,
      inject() {
        says = words
      },
      heal() {
        says = '+PONG\r\n'
      },
      times: 5,
    })
    const protocolError = { status: 'down', reason: 'protocol_error', detail: 'protocol_error' } as const
    return {
      faults: [
        row('R12', 'HTTP answers on the port', 'HTTP/1.1 400 Bad Request\r\n\r\n', protocolError),
        row('R12', 'a bulk of 2 GB is announced', '$2147483647\r\n', {
          status: 'down',
          reason: 'protocol_error',
          detail: 'body_too_large',
        }),
        row('R12', 'half a reply', '+PO', { status: 'down', reason: 'timeout', detail: 'timeout' }),
        row('R3', 'LOADING', '-LOADING Redis is loading the dataset in memory\r\n', {
          status: 'down',
          reason: 'unhealthy',
          detail: 'LOADING',
        }),
        row('R13', 'MISCONF', '-MISCONF Redis is configured to save RDB snapshots\r\n', {
          status: 'down',
          reason: 'unhealthy',
          detail: 'MISCONF',
        }),
      ],
      close: server.close,
    }
  },
}
