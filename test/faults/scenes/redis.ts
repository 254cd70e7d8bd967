/** Redis: a real server, frozen, killed, misconfigured. */
import { startRedis } from '../../support/redis.ts'
import type { Fault, SceneScript } from '../scene.ts'

const password = 'right-password'

export const redis: SceneScript = {
  async open() {
    const server = await startRedis({ args: ['--requirepass', password], password })
    const dependency = { kind: 'redis', url: server.url, password }
    const set = (key: string, value: string) => async () =>
      void (await server.command('CONFIG', 'SET', key, value))
    const faults: readonly Fault[] = [
      {
        id: 'R1',
        fault: 'the server is frozen (SIGSTOP)',
        dependency,
        verdict: { status: 'down', reason: 'timeout', detail: 'timeout' },
        inject: server.freeze,
        heal: server.thaw,
      },
      {
        id: 'R8',
        fault: 'the password is changed (CONFIG SET requirepass)',
        dependency,
        verdict: { status: 'down', reason: 'auth_error', detail: 'WRONGPASS' },
        inject: set('requirepass', 'another-password'),
        heal: set('requirepass', password),
      },
    ]
    return { faults, close: server.remove }
  },
}
