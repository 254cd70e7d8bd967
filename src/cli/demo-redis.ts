/** The demo's Redis: the system's, frozen by SIGSTOP. */
import type { Presence } from './demo-actors.ts'
import { installCommand, onPath } from './demo-programs.ts'
import type { Stage } from './demo-stage.ts'

export async function startRedis(stage: Stage, port: number): Promise<Presence> {
  const program = onPath('redis-server', 'valkey-server')
  if (program === undefined)
    return { what: 'no redis-server here', remedy: installCommand('redis-server', 'redis') }
  const version = /v=([\d.]+)/.exec(await stage.execute(program, ['--version'], {}))?.[1] ?? ''
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', stage.folder]
  // SIGKILL: it has nothing to save, and may be frozen.
  const server = stage.launch(program, args, { ready: /Ready to accept connections/, ending: 'SIGKILL' })
  await server.ready
  return {
    what: `Redis ${version}`,
    trouble: {
      act: 'Redis freezes (SIGSTOP): connections are taken, and nobody answers',
      begin: () => server.signal('SIGSTOP'),
      end: () => server.signal('SIGCONT'),
    },
  }
}
