/** A Prometheus beside the demo, with the configuration and the rules that the package contains. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, installCommand, onPath, type Stage } from './stage.ts'

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
