/** The proxies' configurations in `deploy/proxies`, with the real programs: backends leave the pool and come back. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

interface Proxy {
  readonly name: string
  /** Its file in deploy/proxies. */
  readonly config: string
  readonly command: (file: string, folder: string) => readonly [program: string, ...args: string[]]
  /** Where the file has the ports of a backend and of its Pulsecheck, and with what to replace that. */
  readonly ports?: (host: string, server: number, pulsecheck: number) => readonly [RegExp, string]
}

const proxies: readonly Proxy[] = [
  {
    name: 'HAProxy',
    config: 'haproxy.cfg',
    command: file => ['haproxy', '-db', '-f', file],
    ports: (host, server, pulsecheck) => [
      new RegExp(`${host}:8080`),
      `127.0.0.1:${server} port ${pulsecheck}`,
    ],
  },
  {
    name: 'nginx',
    config: 'nginx.conf',
    command: (file, folder) => ['nginx', '-p', folder, '-g', 'daemon off; user root;', '-c', file],
  },
  {
    name: 'Envoy',
    config: 'envoy.yaml',
    command: file => ['envoy', '--disable-hot-restart', '--log-level', 'error', '-c', file],
    ports: (host, server, pulsecheck) => [
      new RegExp(`${host}, port_value: 8080(.*\\n.*port_value: )9797`),
      `127.0.0.1, port_value: ${server}$1${pulsecheck}`,
    ],
  },
]

const path = [process.env.PATH, '/usr/sbin', join(import.meta.dirname, '../../tmp/envoy/envoy/_bin')].join(
  ':',
)
const isInstalled = (program: string) => path.split(':').some(folder => existsSync(join(folder, program)))

test.for(proxies)(
  '$name follows the readiness of its backends',
  async ({ name, config, command, ports }, { skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-proxy-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, config)
    const [program, ...args] = command(file, folder)
    if (!isInstalled(program)) return skip(`${name} cannot be had here`)

    const backends = [await backend('orders-1'), await backend('orders-2')]
    const port = await closedPort()
    let text = readFileSync(join(import.meta.dirname, '../../deploy/proxies', config), 'utf8')
    text = text.replace(/127\.0\.0\.1(:|, port_value: )8000/, `127.0.0.1$1${port}`)
    text = text.replaceAll('unix:', `unix:${folder}/`)
    for (const [i, { addresses }] of backends.entries()) {
      const host = `10.0.0.${i + 1}`
      if (ports !== undefined) text = text.replace(...ports(host, ...addresses))
      text = text.replaceAll(`${host}:8080`, `127.0.0.1:${addresses[0]}`)
      text = text.replaceAll(`${host}:9797`, `127.0.0.1:${addresses[1]}`)
    }
    expect(text).not.toContain('10.0.0.')
    writeFileSync(file, text)
    const child = spawn(program, args, { cwd: folder, env: { ...process.env, PATH: path }, stdio: 'ignore' })
    onTestFinished(async () => {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    })
    const answers = async (expected: string) =>
      await until(async () => (await answerers(port)) === expected, `${name}: ${expected}`, 30_000)

    await answers('orders-1 orders-2')
    await backends[0]?.dependency.close()
    await answers('orders-2')
    expect(await answerers(port)).toBe('orders-2')
    await backends[0]?.dependency.open()
    await answers('orders-1 orders-2')
  },
)
