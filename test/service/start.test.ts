/** What the service starts with and serves: addresses, paths, its own metrics, who sees what, and how it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { expect, onTestFinished, test } from 'vitest'
import { kinds } from '../../src/kinds/index.ts'
import { silent } from '../../src/model/logger.ts'
import { ConfigError } from '../../src/service/sources.ts'
import { type ServiceOptions, startService } from '../../src/service.ts'
import { createAuthority } from '../support/certificates.ts'
import { until } from '../support/net.ts'

const loopback = [{ host: '127.0.0.1', port: 0 }]

async function start(server: string, options: Partial<ServiceOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-start-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const configOf = (server: string) =>
    `server: ${server}\ndefaults: { interval: 1h }\ndependencies: { a: tcp://127.0.0.1:1 }\n`
  const configFile = write('pulsecheck.yml', configOf(server))
  const logged: { readonly message: string; readonly [field: string]: unknown }[] = []
  const info = (fields: object, message: string) => void logged.push({ message, ...fields })
  const { webConfigFile: web, ...rest } = options
  const webConfigFile = web === undefined ? undefined : write('web.yml', web)
  const service = await startService({
    configFile,
    env: {},
    kinds,
    logger: { ...silent, info },
    listen: loopback,
    pause: async () => {},
    webConfigFile,
    ...rest,
  })
  onTestFinished(service.stop)
  const saysWho = () => logged.filter(({ message }) => message === 'who sees what')
  return {
    service,
    logged,
    saysWho,
    write,
    writeConfig: (text: string) => write('pulsecheck.yml', configOf(text)),
  }
}

const statusOf = async (url: string, init?: RequestInit) => (await fetch(url, init)).status

test('it listens where the config says, with a path of its own for metrics, and answers only probes elsewhere', async () => {
  const text =
    '{ listen: ["127.0.0.1:0", "localhost:0"], probes: { listen: ["127.0.0.1:0"] }, metricsPath: /m }'
  const { service } = await start(text, { listen: undefined })
  const { urls, probeUrls } = service
  const plain = expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  expect([urls, probeUrls]).toEqual([
    [plain, expect.stringMatching(/^http:\/\/localhost:[1-9]\d*$/)],
    [plain],
  ])
  expect(new Set([...urls, ...probeUrls].map(url => new URL(url).port)).size).toBe(3)
  for (const url of urls) expect(await statusOf(`${url}/m`)).toBe(200)
  expect([await statusOf(`${probeUrls[0]}/healthz`), await statusOf(`${probeUrls[0]}/m`)]).toEqual([200, 404])
})

test('options replace addresses and the path of the config', async () => {
  const { service } = await start('{ listen: ["127.0.0.1:1"], metricsPath: /m }', { metricsPath: '/other' })
  expect(service.urls).toHaveLength(1)
  expect([await statusOf(`${service.urls[0]}/other`), await statusOf(`${service.urls[0]}/m`)]).toEqual([
    200, 404,
  ])
})

test('/-/reload exists where it is asked for, and answers with what is wrong', async () => {
  const asked = await start('{}', { lifecycle: true })
  const url = `${asked.service.urls[0]}/-/reload`
  expect(await statusOf(url, { method: 'POST' })).toBe(200)
  expect(asked.logged.at(-1)).toMatchObject({ message: 'config reloaded' })
  asked.writeConfig('{ unknown: 1 }')
  const refused = await fetch(url, { method: 'POST' })
  expect(refused.ok).toBe(false)
  expect(await refused.text()).toContain('server.unknown: unknown key')
  for (const lifecycle of [undefined, false]) {
    const { service } = await start('{}', { lifecycle })
    expect(await statusOf(`${service.urls[0]}/-/reload`, { method: 'POST' })).toBe(404)
  }
})

test('who sees what is logged for each address at the start, and again when a reload changes it', async () => {
  const { service, saysWho, writeConfig } = await start('{}', { listen: [...loopback, ...loopback] })
  const lines = (details: string) =>
    service.urls.map(address => expect.objectContaining({ address, details }))
  expect(saysWho()).toEqual(lines('clients on this machine'))
  await service.reload()
  expect(saysWho()).toHaveLength(2)
  writeConfig('{ details: never }')
  await service.reload()
  expect(saysWho().slice(2)).toEqual(lines('nobody'))
})

test('its metrics tell of the process, the shard and the web config, of the latter two only where they are', async () => {
  const metricsOf = async ({ service }: Awaited<ReturnType<typeof start>>) =>
    await (await fetch(`${service.urls[0]}/metrics`)).text()
  const plain = await metricsOf(await start('{}'))
  expect(plain).toContain('process_cpu_seconds_total')
  expect(plain).toContain('pulsecheck_secret_files_unusable 0\n')
  expect(plain).not.toMatch(/^pulsecheck_(?:shards|web_config)/m)
  const webConfigFile = 'http_server_config: { headers: { X-Frame-Options: deny } }\n'
  const full = await metricsOf(await start('{}', { webConfigFile, shard: { index: 1, total: 2 } }))
  expect(full).toContain('pulsecheck_shards{shard="1"} 2\n')
  expect(full).toContain('pulsecheck_web_config_last_reload_successful 1\n')
})

test('a web config sets TLS and users; a change takes effect, and is logged where others see less', async () => {
  const authority = createAuthority()
  onTestFinished(authority.remove)
  const { certFile, keyFile } = authority.issue()
  const tls = `tls_server_config: { cert_file: ${certFile}, key_file: ${keyFile} }\n`
  const { service, saysWho, write } = await start('{ probes: { listen: ["127.0.0.1:0"] } }', {
    webConfigFile: tls,
    followEveryMs: 10,
  })
  expect([...service.urls, ...service.probeUrls].map(url => new URL(url).protocol)).toEqual([
    'https:',
    'http:',
  ])
  expect(saysWho().at(0)).toMatchObject({ metrics: 'everybody on this machine' })
  write('web.yml', `${tls}basic_auth_users: { alice: ${hashSync('x', 4)} }\n`)
  await until(() => saysWho().at(-1)?.metrics === 'users who log in', 'the users are in force')
})

test('a web config that cannot be used prevents the start', async () => {
  const starting = start('{}', { webConfigFile: 'unknown: 1\n' })
  await expect(starting).rejects.toThrow(ConfigError)
  await expect(starting).rejects.toThrow(/web\.yml:1:1: unknown: unknown key/)
})

test('it stops once, without a word of draining where there is no delay, and answers nothing then', async () => {
  const { service, logged } = await start('{}')
  const stopped = service.stop()
  expect(service.stop()).toBe(stopped)
  await stopped
  expect(logged.filter(({ message }) => message.includes('draining'))).toEqual([])
  await expect(fetch(`${service.urls[0]}/healthz`)).rejects.toThrow()
})

test('files are followed by nobody who has stopped, and the config only where that is asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-followed-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [configFile, passwordFile] = [join(folder, 'pulsecheck.yml'), join(folder, 'password')]
  const put = (names: readonly string[], password: string) => {
    const options = `{ kind: redis, host: 127.0.0.1, port: 1, passwordFile: ${passwordFile} }`
    writeFileSync(passwordFile, password)
    writeFileSync(configFile, `dependencies:\n${names.map(name => `  ${name}: ${options}\n`).join('')}`)
  }
  put(['a'], 'first')
  const options = { configFile, followEveryMs: 5 }
  const stopped = await start('{}', { ...options, watch: true })
  const unwatched = await start('{}', { ...options, watch: false })
  const watched = await start('{}', { ...options, watch: true })
  await stopped.service.stop()
  const counts = ({ logged }: typeof watched) =>
    ['config reloaded', 'secret files read again'].map(
      text => logged.filter(({ message }) => message === text).length,
    )
  const ended = counts(stopped)
  put(['a', 'b'], 'second')
  await until(() => (counts(watched)[0] ?? 0) >= 1, 'the config is reloaded')
  put(['a', 'b', 'c'], 'third one')
  await until(() => (counts(watched)[0] ?? 0) >= 2, 'the config is reloaded again')
  await until(() => (counts(unwatched)[1] ?? 0) >= 1, 'the secret is read')
  expect([counts(stopped), counts(unwatched)[0]]).toEqual([ended, 0])
})
