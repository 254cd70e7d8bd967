import { expect, test } from 'vitest'
import { parseListenAddress } from '../../src/config/index.ts'
import { problemsOf } from './loading.ts'

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
  'shutdownDelay: 2h',
  'shutdownDelay: 5',
  'maxSeries: 0',
  'maxSeries: 1.5',
  'listen: []',
])('refuses %s', async keys => {
  expect(await problemsOf(server(keys))).toHaveLength(1)
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
