/** Redis: real servers, frozen, killed, misconfigured; behind Sentinel; as a Cluster. */
import { closedPort, serve, until } from '../../support/net.ts'
import { type RedisServer, startCluster, startRedis, startSentinel } from '../../support/redis.ts'
import type { Fault, Scene, SceneScript, Unplayed } from '../scene.ts'

const password = 'right-password'

const unplayed: readonly Unplayed[] = [
  {
    id: 'R2',
    fault: 'frozen before the login',
    why: 'the same as R1, since every check connects anew',
    heldBy: ['test/kinds/redis/redis.test.ts: R2: frozen before the login is a timeout in phase auth'],
  },
  {
    id: 'R9',
    fault: 'a wrong password in the configuration',
    why: 'as R8: `auth_error/WRONGPASS`, with one login per check and no password in any output',
    heldBy: ['test/kinds/redis/redis.test.ts: R9: one connection and one login for each check'],
  },
  {
    id: 'R16',
    fault: '1,000 targets come back at once',
    why: 'one connection per target and interval, spread by the schedule',
    heldBy: [
      'test/kinds/redis/redis.test.ts: R16: a restart is followed at once',
      'test/schedule/scheduler.test.ts: spreads first checks over one second, then keeps each to its own grid',
    ],
  },
]

export const redis: SceneScript = {
  unplayed,
  async open() {
    const [single, replicated, cluster] = await Promise.all([openSingle(), openReplicated(), openCluster()])
    const scenes = [single, replicated, cluster]
    return {
      faults: scenes.flatMap(({ faults }) => faults),
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
    {
      id: 'R11',
      fault: 'CLIENT PAUSE WRITE, PING only',
      dependency,
      verdict: { status: 'up' },
      inject: async () => void (await server.command('CLIENT', 'PAUSE', 60_000, 'WRITE')),
      heal: async () => void (await server.command('CLIENT', 'UNPAUSE')),
      times: 3,
    },
    {
      id: 'R13',
      fault: 'the ACL no longer allows PING (NOPERM)',
      dependency,
      verdict: { status: 'down', reason: 'auth_error', detail: 'NOPERM' },
      inject: async () => void (await server.command('ACL', 'SETUSER', 'default', '-ping')),
      heal: async () => void (await server.command('ACL', 'SETUSER', 'default', '+ping')),
      times: 10,
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
  const [sentinel, silent] = await Promise.all([
    startSentinel('main', master.port),
    startSentinel('main', master.port),
  ])
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
      id: 'R7',
      fault: 'a replica loses its master, `role: replica` and `masterLink: true`',
      dependency: { kind: 'redis', url: replica.url, role: 'replica', masterLink: true },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'MASTERDOWN' },
      inject: async () => {
        await replica.command('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
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
    {
      id: 'R14',
      fault: 'the first of two sentinels is frozen, and the other answers',
      dependency: {
        kind: 'redis',
        sentinel: { name: 'main', nodes: [silent, sentinel].map(({ port }) => `127.0.0.1:${port}`) },
      },
      verdict: { status: 'up' },
      inject: silent.freeze,
      heal: silent.thaw,
      times: 3,
    },
    {
      id: 'R14',
      fault: 'the sentinels do not know the master any more',
      dependency: {
        kind: 'redis',
        sentinel: { name: 'main', nodes: [`127.0.0.1:${sentinel.port}`] },
      },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'no_such_object' },
      inject: async () => void (await sentinel.command('SENTINEL', 'REMOVE', 'main')),
      heal: async () =>
        void (await sentinel.command('SENTINEL', 'MONITOR', 'main', '127.0.0.1', master.port, 1)),
      times: 5,
    },
  ]
  return {
    faults,
    async close() {
      await Promise.all([sentinel.remove(), silent.remove(), replica.remove(), master.remove()])
    },
  }
}

async function openCluster(): Promise<Scene> {
  // A frozen node is not declared lost while it is played.
  const nodes = await startCluster(3, ['--cluster-node-timeout', '60000'])
  const [first] = nodes
  const cluster = { nodes: nodes.map(({ port }) => `127.0.0.1:${port}`) }
  const covers = async (node: RedisServer) =>
    String(await node.command('CLUSTER', 'INFO')).includes('cluster_slots_ok:16384')
  const faults: readonly Fault[] = [
    {
      id: 'R15',
      fault: 'a slot of the cluster is served by nobody',
      dependency: { kind: 'redis', cluster },
      verdict: { status: 'down', reason: 'unhealthy', detail: 'not_ready' },
      async inject() {
        // What the owner said before it let go may still reach the others, and make them believe it again.
        for (const node of nodes)
          await until(async () => {
            await node.command('CLUSTER', 'DELSLOTS', 1).catch(() => {})
            return !(await covers(node))
          }, 'the slot is free')
      },
      heal: async () => void (await first?.command('CLUSTER', 'ADDSLOTS', 1)),
      delayMs: { heal: 3_000 },
      times: 5,
    },
    {
      id: 'R15',
      fault: 'the first of three nodes is frozen, and the others still say that all is well',
      dependency: { kind: 'redis', cluster },
      verdict: { status: 'up' },
      inject: () => first?.freeze(),
      heal: () => first?.thaw(),
      times: 3,
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
