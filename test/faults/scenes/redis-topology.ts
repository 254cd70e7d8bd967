/** Redis: several servers; a replica, sentinels, a cluster. */
import { closedPort, until } from '../../support/net.ts'
import { type RedisServer, startCluster, startRedis, startSentinel } from '../../support/redis.ts'
import type { Fault, Scene } from '../scene.ts'

/** A master, its replica and two sentinels. */
export async function openReplicated(): Promise<Scene> {
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

/** Three masters. */
export async function openCluster(): Promise<Scene> {
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
