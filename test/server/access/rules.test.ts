import { hostname, networkInterfaces } from 'node:os'
import { hashSync } from 'bcryptjs'
import fastify, { type FastifyServerOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import type { ListenAddress } from '../../../src/model/notation.ts'
import { type Bcrypt, createBcrypt } from '../../../src/server/access/bcrypt.ts'
import {
  type Audience,
  type Circumstances,
  createAccess,
  describeAudience,
} from '../../../src/server/access/rules.ts'
import type { AccessRules } from '../../../src/server/options.ts'
import type { ServerSettings } from '../../../src/server/server.ts'
import { type Served, serving, world } from '../serving.ts'

const users = new Map([['alice', hashSync('open: sesame', 4)]])
const web = { users, headers: {} }
const extras: Partial<Served> = { config: () => ({ shown: true }), reload: async () => ({ ok: true }) }
const login = `Basic ${Buffer.from('alice:open: sesame').toString('base64')}`
const outside = ['203.0.113.0/24']
const probes = ['/healthz', '/livez', '/startupz', '/-/healthy', '/readyz/cache']

/** Statuses of probes (200 or 503), details, `/metrics` and a reload. */
async function statuses(settings: Partial<ServerSettings>, headers: Record<string, string> = {}) {
  await using server = await serving(world(extras).monitor, settings)
  const status = async (path: string, method = 'GET') =>
    (await fetch(server.url + path, { method, headers })).status
  for (const path of probes) expect([200, 503]).toContain(await status(path))
  expect(await status('/readyz')).toBe(503)
  const details = [await status('/health'), await status('/config'), await status('/')]
  expect(new Set(details).size).toBe(1)
  return [details[0], await status('/metrics'), await status('/-/reload', 'POST')]
}

describe('details, metrics and reload; probes are open whatever the rules', () => {
  test.each<[string, Partial<ServerSettings>, Record<string, string>, number[]]>([
    ['nothing set', {}, {}, [200, 200, 200]],
    ['allowed', { allow: ['127.0.0.0/8'] }, {}, [200, 200, 200]],
    ['not allowed', { allow: outside }, {}, [403, 403, 403]],
    ['not allowed, but always', { allow: outside, details: 'always' }, {}, [200, 403, 403]],
    ['never', { details: 'never' }, {}, [404, 200, 200]],
    ['users, no login', { web }, {}, [401, 401, 401]],
    ['users, login', { web }, { authorization: login }, [200, 200, 200]],
    ['users, always', { web, details: 'always' }, {}, [200, 401, 401]],
    ['login from outside', { web, allow: outside }, { authorization: login }, [403, 403, 403]],
    [
      'a forwarded address is not believed',
      { allow: outside },
      { 'x-forwarded-for': '203.0.113.1' },
      [403, 403, 403],
    ],
    ['a browser cannot reload', {}, { origin: 'http://127.0.0.1' }, [200, 200, 403]],
    ['nor with fetch metadata alone', {}, { 'sec-fetch-site': 'same-origin' }, [200, 200, 403]],
    ['a page of another site', {}, { 'sec-fetch-site': 'cross-site' }, [403, 200, 403]],
    [
      'the same, logged in and always',
      { web, details: 'always' },
      { 'sec-fetch-site': 'cross-site', authorization: login },
      [403, 200, 403],
    ],
    ['a local proxy in between', {}, { 'x-forwarded-for': '127.0.0.1' }, [403, 200, 200]],
    ['a proxy in between, allowed', { allow: ['127.0.0.1'] }, { via: '1.1 proxy' }, [200, 200, 200]],
  ])('%s', async (_name, settings, headers, expected) => {
    expect(await statuses(settings, headers)).toEqual(expected)
  })
})

/** Asks a plugin in an application, from any address. */
async function asking(rules: AccessRules, options: FastifyServerOptions = {}, bcrypt?: Bcrypt) {
  const app = fastify(options)
  const access = createAccess(rules, 'server', bcrypt)
  app.addHook('onClose', access.close)
  app.get('/', { onRequest: access.guard('details') }, async () => 'shown')
  const ask = async (remoteAddress: string, headers: Record<string, string> = {}) => {
    const { statusCode, body, headers: answered } = await app.inject({ url: '/', remoteAddress, headers })
    return { status: statusCode, body, retryAfter: answered['retry-after'] }
  }
  return { ask, access, [Symbol.asyncDispose]: () => app.close() }
}

describe('details without rules are for this machine', () => {
  test.each<[string, Record<string, string>, number]>([
    ['127.0.0.1', {}, 200],
    ['127.8.8.8', {}, 200],
    ['::1', {}, 200],
    ['::ffff:127.0.0.1', {}, 200],
    ['172.17.0.1', {}, 403],
    ['::ffff:10.0.0.1', {}, 403],
    ['fe80::1%eth0', {}, 403],
    ['127.0.0.1', { forwarded: 'for=127.0.0.1' }, 403],
    ['127.0.0.1', { 'x-real-ip': '127.0.0.1' }, 403],
    ['127.0.0.1', { 'x-forwarded-host': 'localhost' }, 403],
    ['127.0.0.6', { 'x-envoy-attempt-count': '1' }, 403],
    ['127.0.0.1', { via: '1.1 proxy' }, 403],
  ])('%j with %j: %i', async (address, headers, status) => {
    await using site = await asking({})
    expect((await site.ask(address, headers)).status).toBe(status)
  })

  test('an application that trusts its proxy is asked by the client behind it', async () => {
    const behind = { 'x-forwarded-for': '10.1.2.3' }
    await using site = await asking({ allow: ['10.0.0.0/8'] }, { trustProxy: true })
    expect((await site.ask('127.0.0.1', behind)).status).toBe(200)
    expect((await site.ask('127.0.0.1')).status).toBe(403)
    await using unruled = await asking({}, { trustProxy: true })
    expect((await unruled.ask('127.0.0.1', { 'x-forwarded-for': '127.0.0.1' })).status).toBe(403)
  })
})

describe('a name that somebody else may own opens no details without a log-in', () => {
  const listed = { hosts: ['Status.example.com'] }
  test.each<[string, AccessRules, Record<string, string>, number]>([
    ['localhost', {}, {}, 200],
    ['LocalHost:9797', {}, {}, 200],
    ['pulse.localhost:9797', {}, {}, 200],
    ['127.0.0.1:9797', {}, {}, 200],
    ['[::1]:9797', {}, {}, 200],
    [`${hostname()}:9797`, {}, {}, 200],
    ['evil.example:9797', {}, {}, 403],
    ['localhost.evil.example', {}, {}, 403],
    ['127.0.0.1.evil.example', {}, {}, 403],
    ['[evil.example]', {}, {}, 403],
    ['user@localhost', {}, {}, 403],
    ['status.example.com:9797', listed, {}, 200],
    ['status.example.com.', listed, {}, 200],
    ['evil.status.example.com', listed, {}, 403],
    ['evil.example', { details: 'always' }, {}, 403],
    ['evil.example', { allow: ['127.0.0.1'] }, {}, 403],
    ['evil.example', { users }, { authorization: login }, 200],
    ['evil.example', { users, details: 'always' }, { authorization: login }, 200],
    ['evil.example', { users, details: 'always' }, {}, 403],
    ['evil.example', { users }, {}, 401],
  ])('%s with %j and %j: %i', async (host, rules, headers, status) => {
    await using site = await asking(rules)
    expect((await site.ask('127.0.0.1', { host, ...headers })).status).toBe(status)
  })

  test('a wrong name is told where the rules are made', () => {
    expect(() => createAccess({ hosts: ['status.example.com:80'] }, 'server')).toThrow('is not a host name')
  })
})

test.each([
  ['document', 200],
  ['iframe', 403],
  ['embed', 403],
])('a %s that another site leads to: %i', async (dest, status) => {
  await using site = await asking({})
  const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': dest }
  expect((await site.ask('127.0.0.1', headers)).status).toBe(status)
})

test('a refusal says in one line what would open the details, and repeats nothing of the request', async () => {
  await using site = await asking({})
  const bodies = [
    await site.ask('192.0.2.77'),
    await site.ask('127.0.0.1', { via: '1.1 evil.example' }),
    await site.ask('127.0.0.1', { host: 'evil.example' }),
    await site.ask('127.0.0.1', { 'sec-fetch-site': 'cross-site' }),
  ].map(({ body }) => body)
  for (const body of bodies) {
    expect(body).toMatch(/^403 Forbidden: [^\n]+\n$/)
    expect(body).not.toMatch(/evil|192/)
  }
  expect(bodies[0]).toContain('server.allow')
  expect(bodies[2]).toContain('server.hosts')
  const own = createAccess({ allow: ['10.0.0.1'] }, 'access')
  await using app = fastify()
  app.get('/', { onRequest: own.guard('details') }, async () => 'shown')
  expect((await app.inject('/')).body).toBe('403 Forbidden: this address is not in access.allow\n')
  await own.close()
})

test('a full queue is 503 with a time to come back, for the address that filled it and no other', async () => {
  const gate = Promise.withResolvers<void>()
  const real = createBcrypt()
  const matches: Bcrypt['matches'] = async (...work) => {
    await gate.promise
    return await real.matches(...work)
  }
  await using site = await asking({ users }, {}, { matches, close: real.close })
  const guess = (i: number) => ({ authorization: `Basic ${Buffer.from(`alice:${i}`).toString('base64')}` })
  const guesses = Array.from({ length: 20 }, (_, i) => site.ask('203.0.113.1', guess(i)))
  const honest = site.ask('203.0.113.2', { authorization: login })
  expect(await site.ask('203.0.113.1', { authorization: login })).toMatchObject({
    status: 503,
    retryAfter: '1',
  })
  gate.resolve()
  expect((await honest).status).toBe(200)
  const answers = (await Promise.all(guesses)).map(({ status }) => status)
  expect(answers).toEqual([...Array(16).fill(401), ...Array(4).fill(503)])
})

test('who was let in before comes in during a flood, also after a reload', async () => {
  const real = createBcrypt()
  let isStuck = false
  const matches: Bcrypt['matches'] = (...work) => (isStuck ? new Promise(() => {}) : real.matches(...work))
  await using site = await asking({ users }, {}, { matches, close: real.close })
  expect((await site.ask('203.0.113.1', { authorization: login })).status).toBe(200)
  isStuck = true
  for (let i = 0; i < 16; i++)
    void site.ask('203.0.113.1', { authorization: `Basic ${Buffer.from(`alice:${i}`).toString('base64')}` })
  site.access.replace({ users: new Map([...users, ['bob', hashSync('x', 4)]]) })
  const strange = { authorization: `Basic ${Buffer.from('alice:no').toString('base64')}` }
  expect((await site.ask('203.0.113.1', strange)).status).toBe(503)
  expect((await site.ask('203.0.113.1', { authorization: login })).status).toBe(200)
})

const lan = Object.values(networkInterfaces())
  .flatMap(list => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

test.runIf(lan !== undefined)(
  'from an address that is not loopback: metrics, probes, and no details',
  async () => {
    await using server = await serving(world().monitor, { listen: [{ port: 0 }] })
    const paths = ['/metrics', '/healthz', '/health', '/', '/-/events']
    const asked = paths.map(async path => (await fetch(`http://${lan}:${server.port}${path}`)).status)
    expect(await Promise.all(asked)).toEqual([200, 200, 403, 403, 403])
  },
)

describe('who sees what, in words', () => {
  const everywhere = { port: 9797 }
  const here = { host: '127.0.0.1', port: 9797 }
  test.each<[AccessRules, Circumstances, Audience]>([
    [
      {},
      { address: everywhere },
      { probes: 'everybody', metrics: 'everybody', details: 'clients on this machine', reload: 'nobody' },
    ],
    [
      { details: 'always' },
      { address: here, canReload: true },
      {
        probes: 'everybody on this machine',
        metrics: 'everybody on this machine',
        details: 'everybody on this machine',
        reload: 'everybody on this machine',
      },
    ],
    [
      { allow: ['10.0.0.0/8', '::1'], users },
      { address: everywhere, canReload: true },
      {
        probes: 'everybody',
        metrics: 'users who log in from addresses in 10.0.0.0/8, ::1',
        details: 'users who log in from addresses in 10.0.0.0/8, ::1',
        reload: 'users who log in from addresses in 10.0.0.0/8, ::1',
      },
    ],
    [
      { users, details: 'never' },
      { address: everywhere },
      { probes: 'everybody', metrics: 'users who log in', details: 'nobody', reload: 'nobody' },
    ],
    [
      { certificates: true },
      { address: everywhere, requiresCertificate: true },
      {
        probes: 'clients with a verified certificate',
        metrics: 'clients with a verified certificate',
        details: 'clients with a verified certificate',
        reload: 'nobody',
      },
    ],
  ])('%j and %j', (rules, circumstances, audience) => {
    expect(describeAudience(rules, circumstances)).toEqual(audience)
  })

  test('no users are nobody who logs in', () => {
    expect(describeAudience({ users: new Map() }, { address: everywhere }).metrics).toBe('everybody')
    const { metrics } = describeAudience({ allow: outside, users: new Map() }, { address: everywhere })
    expect(metrics).toBe('addresses in 203.0.113.0/24')
  })

  test('a verified certificate that is not required opens the details', () => {
    expect(describeAudience({ certificates: true }, { address: everywhere })).toMatchObject({
      metrics: 'everybody',
      details: 'clients on this machine or with a verified certificate',
    })
  })

  test.each([
    ['localhost', true],
    ['::1', true],
    ['127.0.0.2', true],
    ['::', false],
    ['10.127.0.1', false],
    ['localhost.example', false],
    [undefined, false],
  ])('listening on %s is for this machine alone: %s', (host, isLocal) => {
    const { probes } = describeAudience({}, { address: { host, port: 9797 } as ListenAddress })
    expect(probes).toBe(isLocal ? 'everybody on this machine' : 'everybody')
  })
})

test('rules are replaced while the server runs; users stay unless others are given', async () => {
  await using serve = await serving(world(extras).monitor, { web })
  const status = async (authorization?: string) =>
    (await fetch(`${serve.url}/health`, { ...(authorization && { headers: { authorization } }) })).status
  expect(await status(login)).toBe(200)
  serve.server.setAccess({ details: 'authorized' })
  expect([await status(), await status(login)]).toEqual([401, 200])
  serve.server.setAccess({ allow: outside })
  expect(await status(login)).toBe(403)
  expect(() => serve.server.setAccess({ allow: ['nonsense'] })).toThrow(TypeError)
  expect(await status(login)).toBe(403)
  serve.server.setAccess({})
  serve.server.setWeb({ users: new Map([['alice', hashSync('other', 4)]]), headers: {} })
  expect(await status(login)).toBe(401)
  serve.server.setWeb({ users: new Map(), headers: {} })
  expect(await status()).toBe(200)
})

test('a refusal asks for Basic, and says nothing else', async () => {
  await using server = await serving(world().monitor, { web })
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: 'Basic bm86bm8=' } })
  expect(response.headers.get('www-authenticate')).toBe('Basic realm="pulsecheck", charset="UTF-8"')
  expect(await response.text()).toBe('401 Unauthorized\n')
})

test('reload: outcome, problems, and a failure without details', async () => {
  let answer: () => ReturnType<NonNullable<Served['reload']>> = async () => ({ ok: true })
  const w = world({ reload: () => answer() })
  await using server = await serving(w.monitor)
  const reload = async (method: string) => {
    const response = await fetch(`${server.url}/-/reload`, { method })
    return [response.status, await response.text()]
  }
  expect(await reload('POST')).toEqual([200, 'reloaded\n'])
  expect(await reload('PUT')).toEqual([200, 'reloaded\n'])
  expect(await reload('GET')).toEqual([405, '405 Method Not Allowed\n'])
  answer = async () => ({ ok: false, problems: ['pulsecheck.yml:1:1: a', 'pulsecheck.yml:2:1: b'] })
  expect(await reload('POST')).toEqual([
    500,
    'not reloaded, nothing was changed:\npulsecheck.yml:1:1: a\npulsecheck.yml:2:1: b\n',
  ])
  answer = () => Promise.reject(new Error('inner'))
  expect(await reload('POST')).toEqual([500, '500 Internal Server Error\n'])
  expect(w.warnings.map(({ message }) => message)).toEqual(['a request failed'])
})

test('without a source there is no reload and no config', async () => {
  await using server = await serving(world().monitor)
  expect((await fetch(`${server.url}/-/reload`, { method: 'POST' })).status).toBe(404)
  expect((await fetch(`${server.url}/config`)).status).toBe(404)
})
