/** The proxies' configurations in `deploy/proxies`, with the real programs: backends leave the pool and come back. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { closedPort, until } from '../support/net.ts'
import { launch } from '../support/program.ts'

/** A server that says who it is, and can be closed and opened again at its port. */
async function serving(text: string) {
  const server = createServer((_, response) => response.end(text))
  const open = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await open(0)
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  onTestFinished(async () => void (server.listening && (await close())))
  return { port, close, open: () => open(port) }
}

/** A backend, what it depends on, and the Pulsecheck beside it. */
async function backend(name: string) {
  const [server, dependency] = [await serving(name), await serving('ok')]
  const port = await closedPort()
  const { remove } = launch({
    config: {
      defaults: { interval: '100ms', timeout: '100ms', failureThreshold: 1 },
      dependencies: { database: `tcp://127.0.0.1:${dependency.port}` },
    },
    flags: ['--web.listen-address', `127.0.0.1:${port}`],
  })
  onTestFinished(remove)
  await until(async () => (await statusOf(port, '/readyz')) === 200, `${name} is ready`, 30_000)
  return { dependency, addresses: [server.port, port] as const }
}

async function statusOf(port: number, path: string): Promise<number> {
  return await fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status,
    () => 0,
  )
}

/** Who answers ten requests in a row. */
async function answerers(port: number): Promise<string> {
  const names = new Set<string>()
  for (let i = 0; i < 10; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    names.add(response?.ok === true ? await response.text() : `${response?.status ?? 'no answer'}`)
  }
  return [...names].toSorted().join(' ')
}

test.each([
  ['haproxy', 'haproxy.cfg', (file: string) => ['-db', '-f', file]],
  [
    'nginx',
    'nginx.conf',
    (file: string, folder: string) => ['-p', folder, '-g', 'daemon off; user root;', '-c', file],
  ],
])('%s follows the readiness of its backends', async (program, name, args) => {
  const backends = [await backend('orders-1'), await backend('orders-2')]
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-proxy-'))
  const port = await closedPort()
  let text = readFileSync(join(import.meta.dirname, '../../deploy/proxies', name), 'utf8')
  text = text.replace('127.0.0.1:8000', `127.0.0.1:${port}`).replaceAll('unix:', `unix:${folder}/`)
  for (const [i, { addresses }] of backends.entries()) {
    const host = `10.0.0.${i + 1}`
    text = text.replaceAll(`${host}:8080`, `127.0.0.1:${addresses[0]}`)
    text = text.replaceAll(`${host}:9797`, `127.0.0.1:${addresses[1]}`)
    // HAProxy has the port of the health check beside the address.
    text = text.replace(
      new RegExp(`(server orders-${i + 1} .*)`),
      `$1${program === 'haproxy' ? ` port ${addresses[1]}` : ''}`,
    )
  }
  const file = join(folder, name)
  writeFileSync(file, text)
  const path = `${process.env.PATH}:/usr/sbin`
  const child = spawn(program, args(file, folder), {
    cwd: folder,
    env: { ...process.env, PATH: path },
    stdio: 'ignore',
  })
  onTestFinished(async () => {
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    await exit
    rmSync(folder, { recursive: true, force: true })
  })
  const answers = async (expected: string) =>
    await until(async () => (await answerers(port)) === expected, `${program}: ${expected}`, 30_000)

  await answers('orders-1 orders-2')
  await backends[0]?.dependency.close()
  await answers('orders-2')
  expect(await answerers(port)).toBe('orders-2')
  await backends[0]?.dependency.open()
  await answers('orders-1 orders-2')
})
