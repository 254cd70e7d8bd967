/**
 * The servers beside the demo's PostgreSQL: Redis, frozen by SIGSTOP; an HTTP service, which becomes slow; and a
 * Prometheus with the configuration and the rules that the package contains.
 */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, installCommand, onPath, type Presence, type Stage } from './stage.ts'

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

/**
 * Starts it to scrape a service, every second instead of every 15, since the acts are short.
 *
 * @returns where its alerts are; or how to install it where it is missing, or why it ended.
 */
export async function startPrometheus(stage: Stage, serviceUrl: string): Promise<string> {
  const program = onPath('prometheus')
  if (program === undefined) return `no prometheus here: ${installCommand('prometheus', 'prometheus')}`
  const configFile = join(stage.folder, 'prometheus.yml')
  writeFileSync(configFile, configFor(new URL(serviceUrl).host))
  const address = `127.0.0.1:${await freePort()}`
  const args = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(stage.folder, 'prometheus')}`,
    `--web.listen-address=${address}`,
    '--enable-feature=exemplar-storage',
  ]
  const server = stage.launch(program, args, { ready: /ready to receive web requests/, ending: 'SIGTERM' })
  const failure = await server.ready.then(
    () => undefined,
    (error: Error) => error,
  )
  return failure === undefined ? `http://${address}/alerts` : `Prometheus did not start: ${failure.message}`
}

/** The shipped configuration, for another address and at another pace. */
function configFor(host: string): string {
  const packaged = new URL('../../', import.meta.url)
  const rules = fileURLToPath(new URL('prometheus/rules', packaged))
  return readFileSync(new URL('prometheus.yml', packaged), 'utf8')
    .replaceAll('localhost:9797', host)
    .replaceAll('_interval: 15s', '_interval: 1s')
    .replace('prometheus/rules/*.yml', join(rules, '*.yml'))
}
