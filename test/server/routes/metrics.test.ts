import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { ExpositionResponse } from '../../../src/exposition/exposition.ts'
import { createExposition } from '../../../src/exposition/exposition.ts'
import { until } from '../../support/net.ts'
import { exchange, serving, world } from '../serving.ts'

test('an exposition, negotiated and compressed', async () => {
  const exposition = createExposition()
  const family = {
    name: 'dependency_up',
    help: 'Help.',
    type: 'gauge' as const,
    samples: () => [{ labels: {}, value: 1 }],
  }
  exposition.group([family]).set('a', {})
  await using server = await serving(world({ scrape: exposition.respond }).monitor)
  const scrape = (headers: Record<string, string>) => fetch(`${server.url}/metrics`, { headers })

  const text = await scrape({ accept: 'text/plain;version=0.0.4', 'accept-encoding': 'identity' })
  expect(text.headers.get('content-type')).toContain('version=0.0.4')
  expect(await text.text()).toContain('\ndependency_up 1\n')
  const openMetrics = await scrape({
    accept: 'application/openmetrics-text;version=1.0.0',
    'accept-encoding': 'identity',
  })
  expect(await openMetrics.text()).toMatch(/# EOF\n$/)
  const raw = await exchange(
    server.port,
    'GET /metrics HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n',
  )
  expect(raw).toMatch(/^content-encoding: gzip\r$/im)
  const body = Buffer.from(raw.slice(raw.indexOf('\r\n\r\n') + 4), 'latin1')
  expect(gunzipSync(body).toString()).toContain('\ndependency_up 1\n')
})

// Asked raw: `fetch` unzips silently, and asks for encodings of its own.
test.each([
  ['no header', '', undefined],
  ['identity', 'accept-encoding: identity\r\n', undefined],
  ['br alone', 'accept-encoding: br\r\n', undefined],
  ['gzip refused', 'accept-encoding: gzip;q=0\r\n', undefined],
  ['gzip refused, all else taken', 'accept-encoding: gzip;q=0, *\r\n', undefined],
  ['gzip', 'accept-encoding: gzip\r\n', 'gzip'],
  ['what Prometheus sends', 'accept-encoding: gzip\r\naccept: text/plain;version=0.0.4\r\n', 'gzip'],
])('the encoding for %s, and what the answer varies by', async (_, headers, encoding) => {
  const exposition = createExposition()
  const samples = () => [{ labels: {}, value: 1 }]
  exposition.group([{ name: 'up', help: 'Help.', type: 'gauge', samples }]).set('a', {})
  await using server = await serving(world({ scrape: exposition.respond }).monitor)
  const raw = await exchange(
    server.port,
    `GET /metrics HTTP/1.1\r\nhost: x\r\n${headers}connection: close\r\n\r\n`,
  )
  const [head = '', body = ''] = raw.split('\r\n\r\n', 2)
  expect(/^content-encoding: (.*)$/im.exec(head)?.[1]).toBe(encoding)
  expect(head).toMatch(/^vary: Accept, Accept-Encoding$/im)
  expect(body.endsWith('\nup 1\n')).toBe(encoding === undefined)
})

test('a body in pieces is sent whole, and released when it is sent, and for HEAD', async () => {
  let released = 0
  const metrics = async (): Promise<ExpositionResponse> => ({
    contentType: 'text/plain',
    contentLength: 8,
    body: [Buffer.from('a 1\n'), Buffer.from('b 2\n')],
    release: () => {
      released += 1
    },
  })
  await using server = await serving(world({ scrape: metrics }).monitor)
  expect(await (await fetch(`${server.url}/metrics`)).text()).toBe('a 1\nb 2\n')
  await until(() => released === 1, 'it is released')
  const head = await fetch(`${server.url}/metrics`, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '8'])
  await until(() => released === 2, 'it is released')
})

test('an exposition that fails is a 500 without details, told to the logger', async () => {
  const failure = new Error('secret inner workings')
  const w = world({ scrape: () => Promise.reject(failure) })
  await using server = await serving(w.monitor)
  const response = await fetch(`${server.url}/metrics`)
  expect([response.status, await response.text()]).toEqual([500, '500 Internal Server Error\n'])
  expect(w.warnings).toEqual([{ fields: { err: failure }, message: 'the metrics could not be rendered' }])
})

test('the path can be chosen, even the root', async () => {
  await using elsewhere = await serving(world().monitor, { metricsPath: '/prometheus/metrics' })
  expect((await fetch(`${elsewhere.url}/prometheus/metrics`)).status).toBe(200)
  expect((await fetch(`${elsewhere.url}/metrics`)).status).toBe(404)
  await using root = await serving(world().monitor, { metricsPath: '/' })
  expect(await (await fetch(root.url)).text()).toBe('up 1\n')
})
