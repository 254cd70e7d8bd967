/** The endpoints on the server of an application: node:http, Express, Koa, Fastify and web-standard requests. */
import { createServer, type RequestListener } from 'node:http'
import underPressure from '@fastify/under-pressure'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, describe, expect, test } from 'vitest'
import { createEmbedded } from '../../src/server/embedded.ts'
import type { Handler } from '../../src/server/options.ts'
import { listen, until } from '../support/net.ts'
import { world } from './serving.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

function embed(overrides: Parameters<typeof world>[0] = {}) {
  const played = world(overrides)
  const embedded = createEmbedded(played.monitor)
  cleanUp.push(embedded.close)
  played.record('orders-db', true)
  return { ...played, embedded }
}

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  const url = `http://127.0.0.1:${await listen(server)}`
  cleanUp.push(() => server.close())
  return async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, { redirect: 'manual', ...init })
    return { status: response.status, body: await response.text(), headers: response.headers }
  }
}

/** What every server must answer under `/internal`. */
async function expectEndpoints(get: Awaited<ReturnType<typeof serve>>): Promise<void> {
  expect(await get('/internal/healthz')).toMatchObject({ status: 200, body: '{"status":"ok"}' })
  expect(await get('/internal/readyz?verbose')).toMatchObject({
    status: 200,
    body: expect.stringContaining('[+]orders-db'),
  })
  expect(await get('/internal/readyz/cache')).toMatchObject({ status: 503 })
  expect(await get('/internal/metrics')).toMatchObject({ status: 200, body: 'up 1\n' })
  const health = await get('/internal/health')
  expect(JSON.parse(health.body)).toMatchObject({ dependencies: { 'orders-db': { status: 'up' } } })
  const page = await get('/internal')
  expect([page.status, page.headers.get('location')]).toEqual([307, './internal/'])
  expect((await get('/internal/')).body).toContain('src="./-/page/main.js"')
  expect((await get('/internal/-/page/main.js')).headers.get('content-type')).toContain('text/javascript')
  expect(await get('/internal/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  expect(await get('/internal/metrics', { method: 'POST' })).toMatchObject({ status: 405 })
}

describe('on node:http', () => {
  test('under a prefix, with the application behind it', async () => {
    const handler = embed().embedded.handler({ prefix: '/internal' })
    const get = await serve((request, response) => {
      handler(request, response, () => response.end(`the application: ${request.url}`))
    })
    await expectEndpoints(get)
    for (const path of ['/', '/healthz', '/internal/other', '/internalhealthz', '/internal/config'])
      expect(await get(path)).toMatchObject({ status: 200, body: `the application: ${path}` })
  })

  test('alone, and each endpoint alone', async () => {
    const { embedded } = embed()
    const get = await serve(embedded.handler({ only: ['probes', 'metrics'], metricsPath: '/prom' }))
    expect(await get('/readyz')).toMatchObject({ status: 200 })
    expect(await get('/prom')).toMatchObject({ status: 200, body: 'up 1\n' })
    for (const path of ['/', '/health', '/metrics', '/-/events', '/-/reload'])
      expect(await get(path)).toMatchObject({ status: 404 })
  })

  test('streams of events end when the monitor stops, and begin anew after it', async () => {
    const { embedded } = embed()
    const get = await serve(embedded.handler())
    const events = get('/-/events')
    let isOver = false
    events.then(() => {
      isOver = true
    })
    await until(async () => (await get('/healthz')).status === 200, 'it answers')
    while (!isOver) {
      await embedded.close()
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await events).toMatchObject({ status: 200 })
    expect(await get('/health')).toMatchObject({ status: 200 })
  })

  test('wrong options are told where the handler is made', () => {
    const { embedded } = embed()
    expect(() => embedded.handler({ prefix: 'internal/' })).toThrow(
      'prefix: expected a path such as /internal',
    )
    expect(() => embedded.handler({ access: { allow: ['everywhere'] } })).toThrow('"everywhere" is neither')
    expect(() => embedded.fetch({ access: { hosts: ['a/b'] } })).toThrow('"a/b"')
  })
})

describe('below a router', () => {
  test('Express takes the prefix off, and reads bodies before', async () => {
    const app = express()
    app.use(express.json())
    app.use('/internal', embed().embedded.handler())
    app.post('/orders', (request, response) => void response.json(request.body))
    const get = await serve(app)
    await expectEndpoints(get)
    const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }
    expect(await get('/orders', init)).toMatchObject({ status: 200, body: '{"a":1}' })
    expect(await get('/internal/nothing')).toMatchObject({ status: 404 })
  })

  test('Koa leaves the response to the handler', async () => {
    const app = new Koa()
    app.use(koa(embed().embedded.handler({ prefix: '/internal' })))
    app.use(context => {
      context.body = 'the application'
    })
    const get = await serve(app.callback())
    await expectEndpoints(get)
    expect(await get('/')).toMatchObject({ body: 'the application' })
  })
})

/** As docs/library.md has it. */
function koa(handler: Handler): Koa.Middleware {
  return (context, next) =>
    new Promise((resolve, reject) => {
      context.respond = false
      context.res.once('close', resolve)
      handler(context.req, context.res, () => {
        context.respond = true
        next().then(resolve, reject)
      })
    })
}

describe('on Fastify', () => {
  test('under a prefix, unharmed by the hooks of the application', async () => {
    const app = fastify()
    cleanUp.push(() => app.close())
    await app.register(underPressure, { healthCheck: async () => false, healthCheckInterval: 500 })
    app.addHook('onRequest', async (_request, reply) => reply.code(401).send('who are you?'))
    app.addHook('onSend', async (_request, reply) => void reply.header('x-app', 'yes'))
    app.get('/orders', () => 'orders')
    const seen: string[] = []
    app.addHook('onResponse', async ({ url }) => void seen.push(url))
    await app.register(embed().embedded.routes(), { prefix: '/internal' })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const url = app.listeningOrigin
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(url + path, { redirect: 'manual', ...init })
      return { status: response.status, body: await response.text(), headers: response.headers }
    }
    expect((await get('/orders')).status).not.toBe(200)
    seen.length = 0
    const metrics = await get('/internal/metrics')
    expect([metrics.status, metrics.headers.get('x-app')]).toEqual([200, null])
    expect(await get('/internal/healthz')).toMatchObject({ status: 200 })
    expect((await get('/internal/')).body).toContain('src="./-/page/main.js"')
    expect(seen).toEqual([])
  })
})

test('on a port of its own, which closes with the monitor', async () => {
  const { embedded } = embed()
  const { url } = await embedded.listen('127.0.0.1:0', { access: { details: 'never' } })
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  expect((await fetch(`${url}/health`)).status).toBe(404)
  await embedded.close()
  await expect(fetch(`${url}/readyz`)).rejects.toThrow()
  await expect(embedded.listen('9797')).rejects.toThrow('expected an address such as :9797')
})

describe('for web-standard requests', () => {
  test('a Request becomes a Response', async () => {
    const answer = embed().embedded.fetch({ prefix: '/internal' })
    const here = { address: '127.0.0.1' }
    const get = async (path: string, init?: RequestInit) => {
      const response = await answer(new Request(`http://127.0.0.1${path}`, init), here)
      return { status: response.status, body: await response.text(), headers: response.headers }
    }
    await expectEndpoints(get)
    expect(await get('/elsewhere')).toMatchObject({ status: 404 })
  })

  test('a client whose address is not told sees no details', async () => {
    const answer = embed().embedded.fetch()
    expect((await answer(new Request('http://127.0.0.1/health'))).status).toBe(403)
    expect((await answer(new Request('http://127.0.0.1/metrics'))).status).toBe(200)
  })

  test('a reader that leaves ends its stream of events', async () => {
    const answer = embed().embedded.fetch()
    const response = await answer(new Request('http://127.0.0.1/-/events'), { address: '127.0.0.1' })
    const reader = response.body?.getReader()
    const first = await reader?.read()
    expect(Buffer.from(first?.value ?? []).toString()).toContain('retry: 500')
    await reader?.cancel()
    const aborted = new AbortController()
    const init = { signal: aborted.signal }
    const other = await answer(new Request('http://127.0.0.1/-/events', init), { address: '127.0.0.1' })
    aborted.abort()
    await expect(other.text()).rejects.toThrow()
  })
})
