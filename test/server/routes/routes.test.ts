import fastify from 'fastify'
import { expect, test } from 'vitest'
import { routes } from '../../../src/server/routes/routes.ts'
import { world } from '../serving.ts'

test('in an application: under its prefix, and its own hooks, parsers and errors stay its own', async () => {
  const app = fastify()
  const seen: string[] = []
  app.addHook('onSend', async (_request, reply) => void reply.header('x-app', 'yes'))
  app.post('/echo', async request => request.body)
  app.get('/broken', async () => {
    throw new Error('from the application')
  })
  const failing = world({
    scrape: () => Promise.reject(new Error('inner')),
    reload: async () => ({ ok: true }),
  })
  await app.register(
    routes(failing.monitor, { access: { details: 'never' }, reload: failing.monitor.reload }),
    { prefix: '/pulse' },
  )
  await app.register(routes(world().monitor, { metricsPath: '/other-metrics' }), { prefix: '/second' })
  app.addHook('onResponse', async request => void seen.push(request.url))

  const ask = async (url: string, method: 'GET' | 'POST' | 'HEAD' = 'GET', payload?: object) => {
    const { statusCode, body, headers } = await app.inject({ url, method, ...(payload && { payload }) })
    return { statusCode, body, app: headers['x-app'], cache: headers['cache-control'] }
  }
  expect(await ask('/pulse/healthz')).toEqual({
    statusCode: 200,
    body: '{"status":"ok"}',
    app: 'yes',
    cache: 'no-store',
  })
  expect(await ask('/pulse/readyz', 'HEAD')).toMatchObject({ statusCode: 503, body: '' })
  expect(await ask('/pulse/readyz/cache')).toMatchObject({ statusCode: 503 })
  expect(await ask('/pulse/health')).toMatchObject({ statusCode: 404 })
  expect(await ask('/pulse/metrics')).toMatchObject({ statusCode: 500, body: '500 Internal Server Error\n' })
  expect(await ask('/pulse/-/reload', 'POST', { a: 1 })).toMatchObject({ statusCode: 200 })
  expect(await ask('/second/other-metrics')).toMatchObject({ statusCode: 200, body: 'up 1\n' })
  expect(await ask('/echo', 'POST', { a: 1 })).toMatchObject({ statusCode: 200, body: '{"a":1}' })
  expect(await ask('/broken')).toMatchObject({
    statusCode: 500,
    body: expect.stringContaining('from the application'),
  })
  expect(await ask('/healthz')).toMatchObject({ statusCode: 404 })
  await app.close()
})

test('a wrong allow list is told where the plugin is made', () => {
  expect(() => routes(world().monitor, { access: { allow: ['everywhere'] } })).toThrow(
    '"everywhere" is neither',
  )
})
