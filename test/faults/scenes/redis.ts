/** Redis: real servers, frozen, killed, misconfigured; behind Sentinel; as a Cluster. */
import { type RedisServer, startRedis } from '../../support/redis.ts'
import type { Fault, Scene, SceneScript, Unplayed } from '../scene.ts'
import { openCluster, openReplicated } from './redis-topology.ts'

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
      // It holds CLIENT UNPAUSE up as well, so it ends by itself: healing waits for that.
      inject: async () => void (await server.command('CLIENT', 'PAUSE', 4_000, 'ALL')),
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
