/** A rolling update behind a real HAProxy, under load: `npm run verify:proxies`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { closedPort, serve, until } from '../support/net.ts'
import { launch } from '../support/program.ts'

async function statusOf(port: number, path: string): Promise<number> {
  return await fetch(`http://127.0.0.1:${port}${path}`).then(
    response => response.text().then(() => response.status),
    () => 0,
  )
}

/** When the Pulsecheck that answers there was started. */
async function birthOf(port: number): Promise<string | undefined> {
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then(response => response.text())
  return /^process_start_time_seconds (.+)$/m.exec(metrics)?.[1]
}

test('a rolling update behind HAProxy loses no request', { timeout: 120_000 }, async () => {
  const target = await serve(() => {})
  onTestFinished(target.close)
  const config = { dependencies: { target: `tcp://127.0.0.1:${target.port}` } }
  const start = async (port: number) => {
    const flags = ['--web.listen-address', `127.0.0.1:${port}`]
    const program = launch({ config, flags, env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } })
    onTestFinished(program.remove)
    await until(async () => (await statusOf(port, '/readyz')) === 200, 'ready', 30_000)
    return { ...program, port }
  }
  const instances = [await start(await closedPort()), await start(await closedPort())]
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-proxy-'))
  const port = await closedPort()
  const servers = instances.map(
    ({ port }, i) => `  server s${i} 127.0.0.1:${port} check inter 200ms fall 1 rise 1`,
  )
  // Nothing is tried again: what an instance refuses reaches the client.
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  timeout check 10s
listen pulsecheck
  bind 127.0.0.1:${port}
  option httpchk GET /readyz
${servers.join('\n')}
`,
  )
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  const proxy = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { env, stdio: 'ignore' })
  onTestFinished(async () => {
    const exit = once(proxy, 'exit')
    proxy.kill('SIGTERM')
    await exit
    rmSync(folder, { recursive: true })
  })
  await until(async () => (await statusOf(port, '/healthz')) === 200, 'HAProxy answers', 30_000)

  const statuses = new Map<number, number>()
  let isOver = false
  const clients = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const status = await statusOf(port, '/metrics')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  })
  for (const instance of instances) {
    const before = statuses.get(200) ?? 0
    await until(() => (statuses.get(200) ?? 0) > before + 50, 'requests')
    instance.child.kill('SIGTERM')
    expect(await instance.ended).toBe(0)
    await start(instance.port)
    const born = await birthOf(instance.port)
    await until(async () => (await birthOf(port)) === born, 'HAProxy sends requests to its successor', 30_000)
  }
  isOver = true
  await Promise.all(clients)
  expect([...statuses.keys()]).toEqual([200])
})
