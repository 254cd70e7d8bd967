/**
 * Files as Kubernetes mounts and updates them: directories whose files are links through `..data`, which the kubelet
 * replaces at once. The real program follows all four sorts of them: the config file, a secret, a CA, and the web config
 * file with its certificate. It looks every 5 seconds and needs no notification of the kernel, which many network file
 * systems do not send.
 */
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { createAuthority } from '../support/certificates.ts'
import { listen, serve, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startRedis } from '../support/redis.ts'

/** Looks are 5 s apart, and a machine may be busy. */
const patienceMs = 60_000

/** A volume as the kubelet writes it. */
async function mount(files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'pulsecheck-volume-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  let generation = 0
  async function swap(next: Readonly<Record<string, string>>): Promise<void> {
    const version = `..${generation++}`
    await mkdir(join(folder, version))
    for (const [name, text] of Object.entries(next)) await writeFile(join(folder, version, name), text)
    await symlink(version, join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    await rm(join(folder, `..${generation - 2}`), { recursive: true, force: true })
  }
  for (const name of Object.keys(files)) await symlink(join('..data', name), join(folder, name))
  await swap(files)
  return { path: (name: string) => join(folder, name), swap }
}

async function start(configFile: string, flags: readonly string[] = []): Promise<Program> {
  const program = await startProgram({
    flags: ['--config.file', configFile, ...flags],
    env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
  })
  onTestFinished(program.remove)
  return program
}

const upOf = (name: string, kind: string) => `dependency_up{dependency="${name}",kind="${kind}"}`

test('config, secret and CA are taken over when ..data is swapped, and what they need comes in any order', {
  timeout: 240_000,
}, async () => {
  const [before, after] = [createAuthority(), createAuthority()]
  onTestFinished(before.remove)
  onTestFinished(after.remove)
  const [first, second] = [before.issue(), after.issue()]
  const shop = createServer({ key: first.keyPem, cert: first.certPem }, (_, response) => response.end('ok'))
  shop.on('tlsClientError', () => {})
  const url = `https://127.0.0.1:${await listen(shop)}`
  onTestFinished(() => {
    shop.close()
    shop.closeAllConnections()
  })
  const redis = await startRedis({ args: ['--requirepass', 'first'], password: 'first' })
  onTestFinished(redis.remove)

  const secrets = await mount({ cache: 'first\n', 'ca.crt': before.caPem })
  const configOf = (more: object = {}) =>
    stringify({
      defaults: { interval: '1s', timeout: '900ms', failureThreshold: 1 },
      dependencies: {
        cache: { kind: 'redis', url: redis.url, passwordFile: secrets.path('cache') },
        shop: { kind: 'http', url, tls: { caFile: secrets.path('ca.crt') } },
        ...more,
      },
    })
  const config = await mount({ 'pulsecheck.yml': configOf() })
  const program = await start(config.path('pulsecheck.yml'))
  const becomes = (series: string, value: number | undefined) =>
    until(async () => (await program.metric(series)) === value, `${series} is ${value}`, patienceMs)
  await becomes(upOf('cache', 'redis'), 1)
  await becomes(upOf('shop', 'http'), 1)

  await redis.command('CONFIG', 'SET', 'requirepass', 'second')
  await becomes(upOf('cache', 'redis'), 0)
  await secrets.swap({ cache: 'second\n', 'ca.crt': before.caPem })
  await becomes(upOf('cache', 'redis'), 1)

  shop.setSecureContext({ key: second.keyPem, cert: second.certPem })
  await becomes(upOf('shop', 'http'), 0)
  await secrets.swap({ cache: 'second\n', 'ca.crt': before.caPem + after.caPem })
  await becomes(upOf('shop', 'http'), 1)
  expect(program.output().stderr).not.toContain('config reloaded')

  // The ConfigMap comes before the Secret that it needs.
  const late = await mount({ late: 'second\n' })
  const missing = { more: { kind: 'redis', url: redis.url, passwordFile: late.path('missing') } }
  await config.swap({ 'pulsecheck.yml': configOf(missing) })
  await becomes('pulsecheck_config_last_reload_successful', 0)
  expect(await program.metric(upOf('cache', 'redis'))).toBe(1)
  writeFileSync(late.path('missing'), 'second\n')
  await becomes(upOf('more', 'redis'), 1)
  expect(await program.metric('pulsecheck_config_last_reload_successful')).toBe(1)
  expect(program.output().stderr.match(/config reloaded/g)).toHaveLength(1)
})

test('users and the certificate of the web config file are taken over when ..data is swapped', {
  timeout: 120_000,
}, async () => {
  const authority = createAuthority()
  onTestFinished(authority.remove)
  const [first, second] = [
    authority.issue({ commonName: 'first' }),
    authority.issue({ commonName: 'second' }),
  ]
  const target = await serve(() => {})
  onTestFinished(target.close)
  const text = 'tls_server_config: { cert_file: tls.crt, key_file: tls.key }\n'
  const web = await mount({ 'web.yml': text, 'tls.crt': first.certPem, 'tls.key': first.keyPem })
  const config = await mount({ 'pulsecheck.yml': `dependencies: { a: "tcp://127.0.0.1:${target.port}" }\n` })
  const program = await start(config.path('pulsecheck.yml'), ['--web.config.file', web.path('web.yml')])
  const presented = () =>
    new Promise<string | undefined>((resolve, reject) => {
      const request = get(`${program.url}/healthz`, { ca: authority.caPem, agent: false }, response => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate()
        response.resume().on('end', () => resolve(String(subject.CN)))
      })
      request.on('error', reject)
    })
  expect(await presented()).toBe('first')
  await web.swap({ 'web.yml': text, 'tls.crt': second.certPem, 'tls.key': second.keyPem })
  await until(async () => (await presented()) === 'second', 'the new certificate is presented', patienceMs)
})

test('a file that is half written, however long, is not taken; the whole one is', {
  timeout: 120_000,
}, async () => {
  const target = await serve(() => {})
  onTestFinished(target.close)
  const names = (count: number) => Array.from({ length: count }, (_, i) => `service-${i}`)
  const textOf = (count: number) =>
    `dependencies:\n${names(count)
      .map(name => `  ${name}: tcp://127.0.0.1:${target.port}\n`)
      .join('')}`
  const program = await startProgram({
    config: {
      dependencies: Object.fromEntries(names(10).map(name => [name, `tcp://127.0.0.1:${target.port}`])),
    },
    flags: ['--watch'],
  })
  onTestFinished(program.remove)
  const count = async () => Object.keys((await program.health()).dependencies).length
  const failures = () => program.metric('pulsecheck_config_reload_failures_total{cause="truncated"}')
  const whole = textOf(12)
  for (const [i, length] of [textOf(3).length, textOf(4).length - 2].entries()) {
    writeFileSync(program.configFile, whole.slice(0, length))
    await until(async () => (await failures()) === i + 1, `refused at ${length} bytes`, patienceMs)
    expect(await count()).toBe(10)
  }
  writeFileSync(program.configFile, whole)
  await until(async () => (await count()) === 12, 'the whole one is taken', patienceMs)
})
