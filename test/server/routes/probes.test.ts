import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Serving, serving, type World, world } from '../serving.ts'

let w: World
const open: Serving[] = []
let url: string

beforeEach(async () => {
  w = world()
  const started = await serving(w.monitor)
  open.push(started)
  url = started.url
})
afterAll(async () => {
  for (const { server } of open) await server.close(0)
})

async function ask(path: string, accept = '*/*', method = 'GET'): Promise<[number, string]> {
  const response = await fetch(url + path, { method, headers: { accept } })
  return [response.status, await response.text()]
}

describe('/readyz', () => {
  test('unknown is not ready; up is; a dependency that is not critical only degrades', async () => {
    expect(await ask('/readyz')).toEqual([
      503,
      '{"status":"unavailable","checks":{"orders-db":false,"cache":false}}',
    ])
    w.record('orders-db', true)
    expect(await ask('/readyz')).toEqual([
      200,
      '{"status":"degraded","checks":{"orders-db":true,"cache":false}}',
    ])
    w.record('cache', true)
    expect(await ask('/readyz')).toEqual([200, '{"status":"ok","checks":{"orders-db":true,"cache":true}}'])
    w.record('orders-db', false)
    expect(await ask('/readyz')).toEqual([
      503,
      '{"status":"unavailable","checks":{"orders-db":false,"cache":true}}',
    ])
  })

  test('a result that is too old counts no more, although nothing was recorded', async () => {
    w.record('orders-db', true)
    w.record('cache', true)
    expect((await ask('/readyz'))[0]).toBe(200)
    w.pass(60_000)
    expect((await ask('/readyz'))[0]).toBe(503)
  })

  test('draining is not ready, whatever is up', async () => {
    w.record('orders-db', true)
    w.record('cache', true)
    w.probes.drain()
    expect(await ask('/readyz')).toEqual([
      503,
      '{"status":"unavailable","shuttingDown":true,"checks":{"orders-db":true,"cache":true}}',
    ])
    expect(await ask('/readyz', 'text/plain')).toEqual([503, 'unavailable: shutting down\n'])
    expect(await ask('/readyz?verbose')).toEqual([
      503,
      '[+]orders-db ok\n[+]cache ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n',
    ])
    expect((await ask('/livez'))[0]).toBe(200)
  })

  test('text by Accept', async () => {
    w.record('orders-db', true)
    expect(await ask('/readyz', 'text/plain')).toEqual([200, 'degraded\n'])
    expect(await ask('/readyz?exclude=cache', 'text/plain')).toEqual([200, 'ok\n'])
  })

  test.each([
    ['?verbose', 503, '[-]orders-db failed: reason withheld\n[+]cache ok\nreadyz check failed\n'],
    ['?verbose=1&exclude=orders-db', 200, '[+]orders-db excluded: ok\n[+]cache ok\nreadyz check passed\n'],
    ['?exclude=orders-db', 200, '{"status":"ok","checks":{"cache":true}}'],
    ['?exclude=orders-db&exclude=cache', 200, '{"status":"ok","checks":{}}'],
    ['?exclude=', 503, '{"status":"unavailable","checks":{"orders-db":false,"cache":true}}'],
    ['?exclude=%3Cscript%3E', 503, '{"status":"unavailable","checks":{"orders-db":false,"cache":true}}'],
    [
      '?verbose&exclude=orders-db&exclude=%3Cscript%3E',
      200,
      '[+]orders-db excluded: ok\n[+]cache ok\nwarn: some health checks cannot be excluded: no matches\nreadyz check passed\n',
    ],
    ['?exclude=%', 503, '{"status":"unavailable","checks":{"orders-db":false,"cache":true}}'],
    ['?__proto__=1&constructor=2', 503, '{"status":"unavailable","checks":{"orders-db":false,"cache":true}}'],
  ])('/readyz%s', async (query, status, body) => {
    w.record('orders-db', false)
    w.record('cache', true)
    expect(await ask(`/readyz${query}`)).toEqual([status, body])
  })

  test.each([
    ['orders-db', 503, '{"status":"unavailable","checks":{"orders-db":false}}'],
    ['cache', 200, '{"status":"ok","checks":{"cache":true}}'],
    ['cache?verbose', 200, '[+]cache ok\nreadyz check passed\n'],
    ['nobody', 404, '404 Not Found\n'],
    ['__proto__', 404, '404 Not Found\n'],
    ['%3Cscript%3E', 404, '404 Not Found\n'],
    ['', 404, '404 Not Found\n'],
  ])('/readyz/%s', async (name, status, body) => {
    w.record('orders-db', false)
    w.record('cache', true)
    expect(await ask(`/readyz/${name}`)).toEqual([status, body])
  })

  test('many different exclusions are all answered right, kept or not', async () => {
    w.record('orders-db', true)
    for (let i = 0; i < 40; i++) {
      w.store.put({ ...w.store.get('cache')!.dependency, name: `d${i}` })
    }
    for (let i = 0; i < 40; i++) {
      const { checks } = JSON.parse((await ask(`/readyz?exclude=d${i}`))[1])
      expect(Object.keys(checks)).toHaveLength(41)
      expect(checks).not.toHaveProperty(`d${i}`)
    }
  })
})

test('/startupz turns to 200 once, for good', async () => {
  expect(await ask('/startupz')).toEqual([503, '{"status":"unavailable"}'])
  w.record('orders-db', true)
  expect(await ask('/startupz')).toEqual([200, '{"status":"ok"}'])
  w.record('orders-db', false)
  expect(await ask('/startupz', 'text/plain')).toEqual([200, 'ok\n'])
})

test.each(['/healthz', '/livez', '/-/healthy'])('%s looks at the schedule alone', async path => {
  w.record('orders-db', false)
  expect(await ask(path)).toEqual([200, '{"status":"ok"}'])
  w.pass(120_000)
  expect(await ask(path)).toEqual([503, '{"status":"unavailable"}'])
  w.record('orders-db', false)
  expect(await ask(path)).toEqual([200, '{"status":"ok"}'])
})

test('/-/ready is /readyz', async () => {
  w.record('orders-db', true)
  expect(await ask('/-/ready')).toEqual(await ask('/readyz'))
  expect(await ask('/-/ready?verbose')).toEqual(await ask('/readyz?verbose'))
})

test('answers carry no reason, message or target', async () => {
  w.record('orders-db', false)
  for (const path of ['/readyz', '/readyz?verbose', '/readyz/orders-db', '/healthz', '/startupz'])
    expect((await ask(path))[1]).not.toMatch(/http_503|unhealthy|says|5432/)
})

test.each(['/healthz', '/readyz', '/readyz?verbose', '/readyz/cache', '/startupz', '/nowhere'])(
  'HEAD %s has the headers of GET and no body',
  async path => {
    const [get, head] = [await fetch(url + path), await fetch(url + path, { method: 'HEAD' })]
    expect(head.status).toBe(get.status)
    expect(await head.text()).toBe('')
    const headers = (response: Response) =>
      Object.fromEntries(
        [...response.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)),
      )
    expect(headers(head)).toEqual(headers(get))
    expect(headers(get)).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    expect(headers(get)).not.toHaveProperty('server')
  },
)
