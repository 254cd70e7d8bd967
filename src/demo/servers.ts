/** The demo's Redis, frozen by SIGSTOP, and its HTTP service, which becomes slow. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Presence, Stage } from './stage.ts'
import { installCommand, onPath } from './stage.ts'

/** Starts the system's Redis on a port. */
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
      act: 'Redis freezes (SIGSTOP): it accepts connections and answers nothing',
      begin: () => server.signal('SIGSTOP'),
      end: () => server.signal('SIGCONT'),
    },
  }
}

/** @param slowMs how long an answer takes while the service is slow: well beyond the check's timeout. */
export async function startHttp(stage: Stage, port: number, slowMs: number): Promise<Presence> {
  let delayMs = 0
  const server = createServer(async (_request, response) => {
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false })
    response.setHeader('content-type', 'application/json').end('{"status":"ok"}\n')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  stage.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    what: 'a small HTTP service',
    trouble: {
      act: `the HTTP service becomes slow: ${slowMs} ms for each answer`,
      begin: () => {
        delayMs = slowMs
      },
      end: () => {
        delayMs = 0
      },
    },
  }
}
