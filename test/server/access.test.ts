import { hashSync } from 'bcryptjs'
import { describe, expect, test } from 'vitest'
import type { ServerSettings, Sources } from '../../src/server/index.ts'
import { serving, world } from './serving.ts'

const users = new Map([['alice', hashSync('open: sesame', 4)]])
const web = { users, headers: {} }
const extras: Partial<Sources> = { config: () => ({ shown: true }), reload: async () => ({ ok: true }) }
const login = `Basic ${Buffer.from('alice:open: sesame').toString('base64')}`
const outside = ['203.0.113.0/24']
const probes = ['/healthz', '/livez', '/startupz', '/-/healthy', '/readyz/cache']

/** Statuses of probes (200 or 503), details, `/metrics` and a reload. */
async function statuses(settings: Partial<ServerSettings>, headers: Record<string, string> = {}) {
  await using server = await serving(world(extras).sources, settings)
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
    ['nor with fetch metadata alone', {}, { 'sec-fetch-site': 'cross-site' }, [200, 200, 403]],
  ])('%s', async (_name, settings, headers, expected) => {
    expect(await statuses(settings, headers)).toEqual(expected)
  })
})

test('rules are replaced while the server runs; users stay unless others are given', async () => {
  await using serve = await serving(world(extras).sources, { web })
  const status = async (authorization?: string) =>
    (await fetch(`${serve.url}/health`, { ...(authorization && { headers: { authorization } }) })).status
  expect(await status(login)).toBe(200)
  serve.server.setAccess({ details: 'authorized' })
  expect([await status(), await status(login)]).toEqual([401, 200])
  serve.server.setAccess({ allow: outside })
  expect(await status(login)).toBe(403)
  expect(() => serve.server.setAccess({ allow: ['nonsense'] })).toThrow(TypeError)
  expect(await status(login)).toBe(403)
  serve.server.setAccess({}, new Map([['alice', hashSync('other', 4)]]))
  expect(await status(login)).toBe(401)
  serve.server.setAccess({}, new Map())
  expect(await status()).toBe(200)
})

test('a refusal asks for Basic, and says nothing else', async () => {
  await using server = await serving(world().sources, { web })
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: 'Basic bm86bm8=' } })
  expect(response.headers.get('www-authenticate')).toBe('Basic realm="pulsecheck", charset="UTF-8"')
  expect(await response.text()).toBe('401 Unauthorized\n')
})

test('reload: outcome, problems, and a failure without details', async () => {
  let answer: () => ReturnType<NonNullable<Sources['reload']>> = async () => ({ ok: true })
  const w = world({ reload: () => answer() })
  await using server = await serving(w.sources)
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
  await using server = await serving(world().sources)
  expect((await fetch(`${server.url}/-/reload`, { method: 'POST' })).status).toBe(404)
  expect((await fetch(`${server.url}/config`)).status).toBe(404)
})
