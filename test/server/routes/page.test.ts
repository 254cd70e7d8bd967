import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { routes } from '../../../src/server/routes/routes.ts'
import { dependency } from '../../support/dependency.ts'
import { until } from '../../support/net.ts'
import { exchange, serving, world } from '../serving.ts'

describe('/', () => {
  test('is HTML under a strict policy', async () => {
    const w = world({ config: () => ({}) })
    w.record('orders-db', false)
    await using server = await serving(w.monitor)
    const response = await fetch(`${server.url}/`)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    const policy = response.headers.get('content-security-policy')?.split('; ')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'none'")
    expect(policy).toContain("base-uri 'none'")
    expect(policy?.join()).not.toMatch(/unsafe|\*|http|data:/)
    const text = await response.text()
    expect(text).toContain('1 of 1 critical dependency is down')
    expect(text).toContain('says &lt;b&gt;no&lt;/b&gt;')
    for (const path of ['./health', './metrics', './readyz?verbose', './config'])
      expect(text).toContain(`href="${path}"`)
    expect(text).not.toMatch(/ (?:style|on[a-z]+)=|(?:src|href)="(?:\/|https?:)/)
  })

  test('answers HEAD, and a compressed page to whoever takes it', async () => {
    await using server = await serving(world().monitor)
    const head = await exchange(
      server.port,
      'HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
    )
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(head).toMatch(/\r\n\r\n$/)
    const raw = await exchange(
      server.port,
      'GET / HTTP/1.0\r\nhost: localhost\r\naccept-encoding: gzip\r\n\r\n',
    )
    const [headers = '', body = ''] = raw.split(/\r\n\r\n/s, 2)
    expect(headers).toMatch(/content-encoding: gzip/i)
    expect(gunzipSync(Buffer.from(raw.slice(raw.indexOf(body)), 'latin1')).toString()).toContain('</html>')
  })

  test('shows what its query asks for, and takes any nonsense for nothing', async () => {
    const w = world()
    w.record('orders-db', true)
    await using server = await serving(w.monitor)
    const rows = async (query: string) => {
      const text = await (await fetch(`${server.url}/${query}`)).text()
      return [...text.matchAll(/<tbody[^>]*data-name="([^"]+)"[^>]*?( hidden)?>/g)]
        .filter(([, , hidden]) => hidden === undefined)
        .map(([, name]) => name)
    }
    expect(await rows('')).toEqual(['cache', 'orders-db'])
    expect(await rows('?status=up')).toEqual(['orders-db'])
    expect(await rows('?q=CACHE')).toEqual(['cache'])
    expect(await rows('?status=%3Cb%3E&q=&open=a&open=&status=up')).toEqual(['cache', 'orders-db'])
    expect(await rows(`?q=${'x'.repeat(5_000)}`)).toEqual([])
  })

  test('loads files that are there, and no others', async () => {
    await using server = await serving(world().monitor)
    const page = await (await fetch(`${server.url}/`)).text()
    const loaded = [...page.matchAll(/(?:src|href)="(\.\/-\/page\/[^"]+)"/g)].map(([, path = '']) => path)
    const seen = new Set<string>()
    for (const path of loaded) {
      if (seen.has(path)) continue
      seen.add(path)
      const response = await fetch(new URL(path, `${server.url}/`))
      const text = await response.text()
      expect([path, response.status, response.headers.get('x-content-type-options')]).toEqual([
        path,
        200,
        'nosniff',
      ])
      const imports = [...text.matchAll(/from '\.\/([^']+)'/g)].map(([, file]) => `./-/page/${file}`)
      loaded.push(...imports)
    }
    expect(seen.size).toBeGreaterThanOrEqual(10)
    for (const path of ['nothing.js', 'tsconfig.json', '..%2f..%2fpage.ts', '__proto__'])
      expect((await fetch(`${server.url}/-/page/${path}`)).status).toBe(404)
  })
})

test('whoever may not see the details sees neither page, files nor events', async () => {
  const paths = ['/', '/-/page/main.js', '/-/events']
  const statuses = async (url: string) =>
    Promise.all(paths.map(async path => (await fetch(url + path)).status))
  await using hidden = await serving(world().monitor, { details: 'never' })
  expect(await statuses(hidden.url)).toEqual([404, 404, 404])
  await using elsewhere = await serving(world().monitor, { allow: ['10.0.0.0/8'] })
  expect(await statuses(elsewhere.url)).toEqual([403, 403, 403])
})

describe('work on pages', () => {
  /** Rows without end, which come only as the test lets them; and how often they were asked for. */
  function endless() {
    const w = world()
    let asked = 0
    const board = {
      ...w.monitor.board,
      changes(cursor: number, most: number) {
        asked++
        return { ...w.monitor.board.changes(cursor, most), more: true }
      },
    }
    return { monitor: { ...w.monitor, board }, asked: () => asked, logged: w.warnings }
  }

  const leaver = (port: number) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /?q=d HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return socket
  }

  test('ends when the client has left, and nobody is told of an error', async () => {
    const { monitor, asked, logged } = endless()
    await using server = await serving(monitor)
    const socket = leaver(server.port)
    await until(() => asked() > 10, 'it is being worked on')
    socket.resetAndDestroy()
    let before = -1
    await until(() => {
      const isStill = asked() === before
      before = asked()
      return isStill
    }, 'the work has ended')
    expect(logged).toEqual([])
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  })

  test('of whoever left while waiting never begins', async () => {
    const { monitor, asked } = endless()
    const first = monitor.board.changes
    const started = new Set<number>()
    const board = {
      ...monitor.board,
      changes(cursor: number, most: number) {
        if (cursor === 0) started.add(asked())
        return first(cursor, most)
      },
    }
    await using server = await serving({ ...monitor, board })
    const working = [leaver(server.port), leaver(server.port)]
    await until(() => started.size === 2, 'two are being worked on')
    const waiting = Array.from({ length: 20 }, () => leaver(server.port))
    await Promise.all(waiting.map(socket => new Promise(resolve => socket.once('connect', resolve))))
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    for (const socket of waiting) socket.resetAndDestroy()
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    for (const socket of working) socket.resetAndDestroy()
    let before = -1
    await until(() => {
      const isStill = asked() === before
      before = asked()
      return isStill
    }, 'the work has ended')
    expect(started.size).toBe(2)
  })

  test('is shared by all who ask for the whole page within a moment', async () => {
    const w = world()
    w.store.put(dependency({ name: 'db' }))
    let drawn = 0
    const changes: typeof w.monitor.board.changes = (cursor, most) => {
      if (cursor === 0) drawn++
      return w.monitor.board.changes(cursor, most)
    }
    await using server = await serving({ ...w.monitor, board: { ...w.monitor.board, changes } })
    const pages = await Promise.all(
      Array.from({ length: 20 }, async () => (await fetch(`${server.url}/`)).text()),
    )
    expect([drawn, new Set(pages).size]).toEqual([1, 1])
  })

  test('readers that pause hold no place: an honest one gets its page', async () => {
    const w = world()
    for (let i = 0; i < 500; i++) w.store.put(dependency({ name: `d${i}`, target: 'x'.repeat(20_000) }))
    await using server = await serving(w.monitor, { limits: { silenceMs: 60_000 } })
    const paused = Array.from({ length: 12 }, () => leaver(server.port))
    await Promise.all(paused.map(socket => new Promise(resolve => socket.once('readable', resolve))))
    const answer = await fetch(`${server.url}/`)
    expect([answer.status, (await answer.text()).endsWith('</html>\n')]).toEqual([200, true])
    for (const socket of paused) socket.destroy()
  })
})

describe('/-/events', () => {
  test('a stream of events, which a closing server does not wait for', async () => {
    const w = world()
    await using server = await serving(w.monitor)
    const response = await fetch(`${server.url}/-/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('cache-control')).toBe('no-store')
    let text = ''
    const ended = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
    })()
    await until(() => text.includes('"orders-db"'), 'the rows')
    const before = performance.now()
    await server.server.close(5_000)
    await ended
    expect(performance.now() - before).toBeLessThan(2_000)
  })

  test('draining, there are none any more', async () => {
    const w = world()
    await using server = await serving(w.monitor)
    w.probes.drain()
    await (await fetch(`${server.url}/-/events`)).text()
    expect((await fetch(`${server.url}/-/events`)).status).toBe(503)
    expect((await fetch(`${server.url}/`)).status).toBe(200)
  })

  test('HEAD ends at once', async () => {
    await using server = await serving(world().monitor)
    const response = await fetch(`${server.url}/-/events`, { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
  })
})

test('in an application, under its prefix: links stay inside, and its close does not wait for streams', async () => {
  const app = fastify()
  await app.register(routes(world().monitor), { prefix: '/ops/pulse' })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const moved = await fetch(`${url}/ops/pulse?status=down`, { redirect: 'manual' })
  expect([moved.status, moved.headers.get('location')]).toEqual([307, './pulse/?status=down'])
  const arrived = await fetch(`${url}/ops/pulse?status=down`)
  expect(arrived.url).toBe(`${url}/ops/pulse/?status=down`)
  expect(await arrived.text()).toContain('aria-current="true">down')
  expect((await fetch(new URL('./-/page/main.js', arrived.url))).status).toBe(200)
  const stream = await fetch(`${url}/ops/pulse/-/events`)
  await Promise.all([app.close(), stream.text()])
})

test('ten thousand dependencies do not hold up others', async () => {
  const w = world()
  for (let i = 0; i < 10_000; i++) w.store.put(dependency({ name: `d${i}` }))
  await using server = await serving(w.monitor)
  let turns = 0
  let next: NodeJS.Immediate
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  count()
  const text = await (await fetch(`${server.url}/`)).text()
  clearImmediate(next!)
  expect(text.match(/<tbody[^>]* data-name="d/g)).toHaveLength(10_000)
  // A hundred rows are read, or rendered, in one turn of the loop.
  expect(turns).toBeGreaterThan(200)
})
