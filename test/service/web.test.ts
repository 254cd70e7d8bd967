import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, expect, test } from 'vitest'
import type { WebConfig } from '../../src/server/access/webfile.ts'
import { createServer } from '../../src/server/server.ts'
import { ConfigError } from '../../src/service/sources.ts'
import { followWebConfig, loadWebConfig, requireWebConfig } from '../../src/service/web.ts'
import { world } from '../server/serving.ts'
import { createAuthority } from '../support/certificates.ts'

const authority = createAuthority()
const [own, next] = [authority.issue(), authority.issue()]
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-service-web-'))
afterAll(() => {
  authority.remove()
  rmSync(folder, { recursive: true })
})
const [file, cert, key] = ['web.yml', 'server.crt', 'server.key'].map(name => join(folder, name)) as [
  string,
  string,
  string,
]
const user = (name: string) => `basic_auth_users:\n  ${name}: ${hashSync('x', 4)}\n`
const tls = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n'

/** Follows the file as it stands now; what took effect, and what was logged. */
async function followed(text: string, apply: (web: WebConfig) => void = () => {}) {
  writeFileSync(file, text)
  writeFileSync(cert, own.certPem)
  writeFileSync(key, own.keyPem)
  const applied: WebConfig[] = []
  const logged: string[] = []
  const log = (fields: object, message: string) =>
    void logged.push([message, ...Object.values(fields)].join(' ').replaceAll(`${folder}/`, ''))
  const { last, look, stop } = followWebConfig({
    file,
    first: await loadWebConfig(file),
    apply: web => {
      apply(web)
      applied.push(web)
    },
    logger: { debug: () => {}, info: log, warn: log, error: log },
    everyMs: 3_600_000,
  })
  const settle = async () => {
    for (let i = 0; i < 4; i++) await look()
  }
  return { settle, last, applied, logged, [Symbol.dispose]: stop }
}

test('users come and go with the file; what did not change is not applied or logged', async () => {
  using web = await followed(user('alice'))
  await web.settle()
  expect([web.applied, web.logged]).toEqual([[], []])
  expect(web.last()).toEqual({ successful: true, successAt: expect.any(Number) })
  writeFileSync(file, user('bob'))
  await web.settle()
  expect(web.applied.map(({ users }) => [...users.keys()])).toEqual([['bob']])
  expect(web.logged).toEqual(['web config reloaded 1 false'])
  expect(web.last().successful).toBe(true)
})

test('a renewed certificate waits for its key; until then the failure shows, and is logged once', async () => {
  using web = await followed(tls)
  const since = web.last().successAt
  writeFileSync(cert, next.certPem)
  await web.settle()
  expect(web.last()).toEqual({ successful: false, successAt: since })
  await web.settle()
  expect(web.logged).toEqual([
    expect.stringMatching(
      /^web config not reloaded, the running one stays .*web\.yml:2:14: .*cannot be used/,
    ),
  ])
  writeFileSync(key, next.keyPem)
  await web.settle()
  expect(web.applied.map(({ tls }) => tls?.cert)).toEqual([next.certPem])
  expect(web.logged.at(-1)).toBe('web config reloaded 0 true')
  expect(web.last().successful).toBe(true)
})

test('a file that cannot be used has problems and no config, and prevents a start', async () => {
  writeFileSync(file, user('alice'))
  expect(await requireWebConfig(file)).toMatchObject({ problems: [], files: [file] })
  writeFileSync(file, 'basic_auth_users: 1\n')
  const { web, problems } = await loadWebConfig(file)
  expect([web, problems.length]).toEqual([undefined, 1])
  await expect(requireWebConfig(file)).rejects.toThrow(new ConfigError(problems))
})

test('a broken file changes nothing, and is followed further; so is one that names files that come later', async () => {
  using web = await followed(user('alice'))
  writeFileSync(file, 'basic_auth_users:\n  alice: secret-password\n')
  await web.settle()
  expect([web.applied.length, web.last().successful, web.logged.length]).toEqual([0, false, 1])
  expect(web.logged.join()).not.toContain('secret-password')
  writeFileSync(file, tls.replace('server.crt', 'later.crt'))
  await web.settle()
  expect([web.applied.length, web.logged.length]).toEqual([0, 2])
  writeFileSync(join(folder, 'later.crt'), own.certPem)
  await web.settle()
  expect([web.applied.length, web.last().successful]).toEqual([1, true])
})

test('TLS cannot be turned on: refused as a whole, with a line in the log', async () => {
  const server = createServer(world().monitor, { listen: [] })
  using web = await followed(user('alice'), server.setWeb)
  writeFileSync(file, `${tls}${user('bob')}`)
  await web.settle()
  expect([web.applied.length, web.last().successful]).toEqual([0, false])
  expect(web.logged).toEqual([expect.stringContaining('TLS can be turned on or off only by a restart')])
  await server.close(0)
})
