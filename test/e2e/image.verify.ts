/**
 * A pod's life, played with the real image: `npm run verify:image` builds it first. The container has what the manifests
 * give it: a read-only root, no capability, a user of its own and 96 MiB, with 100 dependencies.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { closedPort, until } from '../support/net.ts'

const image = process.env.PULSECHECK_IMAGE ?? 'localhost/pulsecheck:dev'
const memoryMiB = 96
const run = promisify(execFile)
const podman = async (...args: readonly string[]) => (await run('podman', [...args])).stdout.trim()

/** A folder as the kubelet writes it: what it shows are links through `..data`, which is replaced at once. */
function createVolume(name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-volume-'))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true }))
  let generation = 0
  symlinkSync(`..data/${name}`, join(folder, name))
  return {
    folder,
    swap(text: string) {
      const next = `..${generation++}`
      mkdirSync(join(folder, next))
      writeFileSync(join(folder, next, name), text)
      symlinkSync(next, join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    },
  }
}

/** A Redis with a password, which can be stopped and started again at its port. */
async function createRedis() {
  const port = await closedPort()
  let child: ReturnType<typeof spawn> | undefined
  const start = (password: string) => {
    const args = ['--port', `${port}`, '--save', '', '--bind', '127.0.0.1', '--requirepass', password]
    child = spawn('redis-server', args, { stdio: 'ignore' })
  }
  const stop = async () => {
    if (child === undefined || child.exitCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    await exit
  }
  onTestFinished(stop)
  return { port, start, stop }
}

/** A request of which all but the last line has been sent. */
async function openRequest(port: number, path: string) {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`)
  return {
    openedAt: performance.now(),
    /** Sends the rest, and returns the status of the answer, or 0 if that does not arrive whole. */
    async complete() {
      socket.write('\r\n')
      const answer = await text(socket).catch(() => '')
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1])
      return Buffer.byteLength(body) === length ? Number(head.split(' ')[1]) : 0
    },
  }
}

test('the bill of materials accounts for every file', async () => {
  const script = join(import.meta.dirname, '../../scripts/image/sbom.ts')
  const { components } = JSON.parse((await run(process.execPath, [script, image])).stdout)
  const packages: string[] = components.flatMap(({ name, purl = '' }: { name: string; purl?: string }) =>
    purl.startsWith('pkg:deb/') ? [name] : [],
  )
  const kinds = components.map(({ purl = '' }: { purl?: string }) => purl.split('/')[0])
  expect(new Set(kinds)).toEqual(new Set(['', 'pkg:deb', 'pkg:generic', 'pkg:npm']))

  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-image-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const container = await podman('create', image)
  onTestFinished(() => void execFileSync('podman', ['rm', container]))
  await podman('export', '--output', join(folder, 'image.tar'), container)
  await run('tar', ['--extract', '--file', join(folder, 'image.tar'), '--directory', folder])
  const status = join(folder, 'var/lib/dpkg/status.d')
  const packaged = packages.flatMap(name =>
    readFileSync(join(status, `${name}.md5sums`), 'utf8')
      .split('\n')
      .map(line => line.replace(/^\w+ +(\.\/)?/, '')),
  )
  // Node.js, the program, and what is configuration and no program.
  const ours = /^(image\.tar|usr\/local\/bin\/node|opt\/pulsecheck\/.*|etc\/.*|var\/lib\/dpkg\/.*)$/
  const found = await run('find', [folder, '-type', 'f', '-printf', '%P\\n'], { maxBuffer: 2 ** 24 })
  const files = found.stdout.trim().split('\n')
  const known = new Set(packaged)
  expect(files.filter(file => !known.has(file) && !ours.test(file))).toEqual([])
})

test('a pod lives and ends as its orchestrator expects', { timeout: 180_000 }, async () => {
  const target = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(target, 'listening')
  onTestFinished(() => void target.close())
  const redis = await createRedis()
  redis.start('first')

  const [config, secret] = [createVolume('pulsecheck.yml'), createVolume('cache')]
  const others = Array.from({ length: 99 }, (_, i) => {
    return [`service-${i}`, `tcp://127.0.0.1:${(target.address() as AddressInfo).port}`]
  })
  const cache = {
    kind: 'redis',
    url: `redis://127.0.0.1:${redis.port}`,
    passwordFile: '/run/secrets/pulsecheck/cache',
    interval: '1s',
    timeout: '500ms',
  }
  const configOf = (more: object) =>
    stringify({ dependencies: { ...Object.fromEntries(others), cache, ...more } })
  config.swap(configOf({}))
  secret.swap('first\n')

  const port = await closedPort()
  const startedAt = performance.now()
  const container = await podman(
    ...['run', '--detach', '--network=host', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all'],
    ...['--user=65532:65532', '--security-opt=no-new-privileges', `--memory=${memoryMiB}m`],
    `--volume=${config.folder}:/etc/pulsecheck:ro`,
    `--volume=${secret.folder}:/run/secrets/pulsecheck:ro`,
    // As in a pod: this makes it watch its files, and drain for 5 s.
    '--env=KUBERNETES_SERVICE_HOST=127.0.0.1',
    image,
    ...['--config.file=/etc/pulsecheck/pulsecheck.yml', `--web.listen-address=127.0.0.1:${port}`],
  )
  onTestFinished(() => void execFileSync('podman', ['rm', '--force', '--time=0', container]))
  const statusOf = (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      async response => (await response.text()) && response.status,
      () => 0,
    )
  const answers = (path: string, status: number) =>
    until(async () => (await statusOf(path)) === status, `${path} is ${status}`, 30_000)

  await answers('/healthz', 200)
  console.log(`answers after ${(performance.now() - startedAt).toFixed(0)} ms, podman's part included`)
  await answers('/startupz', 200)
  expect(await statusOf('/readyz')).toBe(200)

  const url = `http://127.0.0.1:${port}`
  await podman('exec', container, 'pulsecheck', 'healthcheck', url)
  await expect(podman('exec', container, 'sh', '-c', 'true')).rejects.toThrow()

  await redis.stop()
  await answers('/readyz', 503)
  expect([await statusOf('/healthz'), await statusOf('/startupz')]).toEqual([200, 200])
  redis.start('first')
  await answers('/readyz', 200)

  config.swap(configOf({ payments: { kind: 'redis', url: cache.url, password: 'first', critical: false } }))
  await answers('/readyz/payments', 200)

  await redis.stop()
  redis.start('second')
  await answers('/readyz', 503)
  secret.swap('second\n')
  await answers('/readyz', 200)

  const metrics = await fetch(`${url}/metrics`).then(response => response.text())
  expect(metrics.match(/^dependency_up\{/gm)).toHaveLength(101)
  const rss = Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]) / 2 ** 20
  console.log(`${rss.toFixed(1)} MiB of RSS with 101 dependencies`)
  expect(rss).toBeLessThan(memoryMiB)

  const before = await openRequest(port, '/metrics')
  const stoppedAt = performance.now()
  await podman('kill', '--signal=TERM', container)
  await answers('/readyz', 503)
  expect(await before.complete()).toBe(200)
  // Load balancers still send some requests. Those that the end of the delay finds unfinished are answered too.
  const open: Awaited<ReturnType<typeof openRequest>>[] = []
  for (;;) {
    const request = await openRequest(port, '/metrics').catch(() => undefined)
    // Connections are accepted in order, so an answer says that the one before it was accepted.
    if (request === undefined || (await statusOf('/healthz')) !== 200) break
    open.push(request)
    const isOld = performance.now() - (open[0]?.openedAt ?? 0) > 2_000
    if (isOld) expect(await open.shift()?.complete()).toBe(200)
    await sleep(200)
  }
  expect(open).not.toHaveLength(0)
  expect(await Promise.all(open.map(each => each.complete()))).toEqual(open.map(() => 200))
  console.log(`${open.length} requests were open when the listener closed`)
  expect(await podman('wait', container)).toBe('0')
  console.log(`ended after ${((performance.now() - stoppedAt) / 1_000).toFixed(1)} s`)
  expect(await podman('inspect', '--format', '{{.State.OOMKilled}}', container)).toBe('false')
})
