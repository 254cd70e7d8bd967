/** A real Alertmanager on a free port of the loopback, and a webhook that it tells. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closedPort, listen, until } from './net.ts'

/** One alert as the webhook gets it. */
export interface Told {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: string
}

export interface Webhook {
  readonly url: string
  /** All alerts of all notifications so far, in the order in which they came. */
  readonly told: readonly Told[]
  close(): Promise<void>
}

export async function startWebhook(): Promise<Webhook> {
  const told: Told[] = []
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    told.push(...(JSON.parse(Buffer.concat(chunks).toString()) as { alerts: Told[] }).alerts)
    response.end()
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}/`,
    told,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Starts one with the text of an `alertmanager.yml`; resolves when it is ready. */
export async function startAlertmanager(config: string): Promise<{ address: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'pulsecheck-alertmanager-'))
  await writeFile(join(folder, 'alertmanager.yml'), config)
  const address = `127.0.0.1:${await closedPort()}`
  const child = spawn('prometheus-alertmanager', [
    `--config.file=${join(folder, 'alertmanager.yml')}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ])
  const stop = async () => {
    await end(child)
    await rm(folder, { recursive: true, force: true })
  }
  let printed = ''
  child.stderr.on('data', chunk => {
    printed += chunk
  })
  const isReady = () => fetch(`http://${address}/-/ready`).then(({ ok }) => ok)
  const isOver = () => child.exitCode !== null
  await until(async () => isOver() || (await isReady().catch(() => false)), 'Alertmanager is ready', 20_000)
  if (isOver()) throw new Error(`Alertmanager ended:\n${printed}`)
  return { address, stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
