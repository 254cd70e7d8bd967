import fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { metricsPathProblem } from '../../src/config/sections.ts'
import { kinds as realKinds } from '../../src/kinds/index.ts'
import { parseDependency } from '../../src/model/definition.ts'
import { parseListenAddress } from '../../src/model/notation.ts'
import { createMonitor } from '../../src/monitor.ts'
import { routes } from '../../src/server/routes/routes.ts'
import { createBudget } from '../../src/views/budget.ts'
import { configOf, problemsOf } from './loading.ts'

test.each([
  [':9797', { port: 9797 }],
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ['[::1]:9797', { host: '::1', port: 9797 }],
  ['[::ffff:10.0.0.1]:80', { host: '::ffff:10.0.0.1', port: 80 }],
  ['', undefined],
  ['9797', undefined],
  ['host', undefined],
  ['host:', undefined],
  ['host:65536', undefined],
  ['host:-1', undefined],
  ['::1:9797', undefined],
  ['[127.0.0.1]:80', undefined],
  ['[::1]', undefined],
  ['http://host:80', undefined],
  ['host:80/path', undefined],
])('the address %j', (text, address) => {
  expect(parseListenAddress(text)).toEqual(address)
})

const server = (keys: string) => `dependencies: { one: "tcp://a:1" }\nserver: { ${keys} }\n`

test.each([
  'allow: [10.0.0.0/8]',
  'allow: ["0.0.0.0/0", "::/0", 127.0.0.1/32]',
  'allow: []',
  'hosts: [status.example.com, pulsecheck, a_b.c-d]',
  'metricsPath: /a/b-c_d.e~f',
  'metricsPath: /.a/..b/...',
  'probes: { listen: [":0", "127.0.0.1:1"] }',
  'probes: {}',
  'shutdownDelay: 0s',
  'shutdownDelay: 1h',
  'maxSeries: 1',
])('accepts %s', async keys => {
  expect(await problemsOf(server(keys))).toEqual([])
})

test.each([
  'allow: [10.0.0.0/33]',
  'allow: ["::/129"]',
  'allow: [10.0.0/8]',
  'allow: [10.0.0.0/8/8]',
  'allow: [10.0.0.0/]',
  'allow: ["10.0.0.0/-1"]',
  'allow: [localhost]',
  'hosts: ["status.example.com:9797"]',
  'hosts: ["*.example.com"]',
  'hosts: [""]',
  'metricsPath: ""',
  'metricsPath: /a?b',
  'metricsPath: /readyz/one',
  'metricsPath: /',
  'metricsPath: //healthz',
  'metricsPath: /a//b',
  'metricsPath: /a/',
  'metricsPath: /./healthz',
  'metricsPath: /a/../healthz',
  'metricsPath: /..',
  'probes: { listen: [here] }',
  'probes: { lisen: [] }',
  'shutdownDelay: 2h',
  'shutdownDelay: 5',
  'maxSeries: 0',
  'maxSeries: 1.5',
  'listen: []',
])('refuses %s', async keys => {
  expect(await problemsOf(server(keys))).toHaveLength(1)
})

test('the path of the metrics is that of no other route', async () => {
  const app = fastify()
  const paths: string[] = []
  app.addHook('onRoute', ({ url }) => void paths.push(url))
  const monitor = createMonitor({ dependencies: {} })
  onTestFinished(async () => void (await Promise.all([app.close(), monitor.stop()])))
  await app.register(routes(monitor, { config: () => ({}), reload: async () => ({ ok: true }) }))
  const others = [...new Set(paths)].filter(path => path !== '/metrics' && !path.includes(':'))
  expect(others).toEqual(expect.arrayContaining(['/', '/healthz', '/config', '/-/reload', '/-/events']))
  for (const path of others) expect([path, metricsPathProblem(path)]).toEqual([path, expect.any(String)])
})

test('the default number of series is enough for as many dependencies as there may be, of every kind', async () => {
  const { server, histogram } = await configOf('dependencies: { one: "tcp://a:1" }')
  const budget = createBudget(histogram)
  for (const kind of realKinds) budget.add(parseDependency('one', kind, kind.example).dependency)
  for (const { kind, seriesEach } of budget.byKind())
    expect([kind, 10_000 * seriesEach <= server.maxSeries]).toEqual([kind, true])
})

test.each([
  ['[]', 0],
  ['[0.5]', 0],
  ['[0.1, 1, 10]', 0],
  ['[0]', 1],
  ['[-1, 1]', 1],
  ['[2, 1]', 1],
  ['[.inf]', 1],
  ['[.nan]', 1],
  ['[1s]', 1],
])('buckets %s', async (buckets, problems) => {
  expect(
    await problemsOf(`dependencies: { one: "tcp://a:1" }\nhistogram: { buckets: ${buckets} }\n`),
  ).toHaveLength(problems)
})
