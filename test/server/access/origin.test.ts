import { hostname } from 'node:os'
import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import {
  createAddressList,
  createHostRule,
  isCrossSite,
  isForwarded,
  isFromBrowser,
  isLocal,
} from '../../../src/server/access/origin.ts'

/** A request over plain HTTP, as far as these rules look at it. */
function requestOf(headers: Readonly<Record<string, string>>): FastifyRequest {
  return { headers, raw: { socket: {} } } as unknown as FastifyRequest
}

describe('an address is in the list', () => {
  test.each([
    [['10.0.0.0/8'], '10.1.2.3', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['::1'], '::1', true],
    [['::1'], '127.0.0.1', false],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['2001:db8::/32', '10.0.0.0/8'], '2001:db8:1::1', true],
    [['0.0.0.0/0'], '::1', false],
    [[], '203.0.113.9', true],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], 'nonsense', false],
  ])('%j holds %s: %s', (entries, address, held) => {
    expect(createAddressList(entries)(address)).toBe(held)
  })
})

test.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0/8', '::/129', '1.2.3.4/8/8'])(
  '%j is refused by name',
  entry => {
    expect(() => createAddressList([entry])).toThrow(`${JSON.stringify(entry)} is neither an IP address`)
  },
)

test.each([
  ['forwarded', true],
  ['via', true],
  ['x-real-ip', true],
  ['x-forwarded-for', true],
  ['x-envoy-attempt-count', true],
  ['viable', false],
  ['not-via', false],
  ['x-forwarded-', false],
  ['accept', false],
])('the header %s says that a proxy forwarded the request: %s', (name, expected) => {
  expect(isForwarded({ [name]: '1' })).toBe(expected)
})

test.each([
  ['cross-site', 'navigate', 'document', false],
  ['cross-site', 'navigate', 'iframe', true],
  ['cross-site', 'no-cors', 'document', true],
  ['cross-site', 'cors', 'empty', true],
  ['same-site', 'cors', 'empty', false],
  ['none', 'navigate', 'document', false],
])('%s, %s, %s comes from another site: %s', (site, mode, dest, expected) => {
  const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest }
  expect(isCrossSite(requestOf(headers))).toBe(expected)
})

describe('a host that no other site can own', () => {
  test.each([
    [{}, true],
    [{ ':authority': 'localhost:9797' }, true],
    [{ ':authority': 'evil.example' }, false],
    [{ host: '' }, false],
    [{ host: 'localhost' }, true],
    [{ host: 'LOCALHOST.:9797' }, true],
    [{ host: 'localhost:' }, true],
    [{ host: 'localhost:evil' }, false],
    [{ host: 'localhost:9797x' }, false],
    [{ host: 'localhost..' }, false],
    [{ host: 'app.localhost:9797' }, true],
    [{ host: 'localhost.evil.example' }, false],
    [{ host: 'evillocalhost' }, false],
    [{ host: 'evil.example:localhost' }, false],
    [{ host: '10.1.2.3:9797' }, true],
    [{ host: '10.1.2.3.evil.example' }, false],
    [{ host: '[::1]' }, true],
    [{ host: '[::ffff:10.1.2.3]:9797' }, true],
    [{ host: '[10.1.2.3]' }, false],
    [{ host: '[evil.example]' }, false],
    [{ host: '[::1]:9797:1' }, false],
    [{ host: 'x[::1]' }, false],
    [{ host: '::1' }, false],
    [{ host: hostname().toUpperCase() }, true],
    [{ host: 'status.example.com:9797' }, true],
    [{ host: 'x.status.example.com' }, false],
  ])('%j: %s', (headers, expected) => {
    expect(createHostRule(['Status.Example.com'])(requestOf(headers))).toBe(expected)
  })

  test.each(['a', 'a.b.c', 'STATUS_1.example-x.com', '10.0.0.1'])('may be named %s', name => {
    expect(createHostRule([name])(requestOf({ host: name }))).toBe(true)
  })

  test.each(['', '.', '.a', 'a.', 'a..b', 'a b', 'a:80', 'http://a', '*.a', 'é.a'])(
    'is not named %j, and the refusal tells so',
    name => {
      const refusal = `${JSON.stringify(name)} is not a host name such as status.example.com`
      expect(() => createHostRule(['a', name])).toThrow(new TypeError(refusal))
    },
  )
})

test.each([
  ['127.1.2.3', {}, true],
  ['::1', {}, true],
  ['::ffff:127.0.0.1', {}, true],
  ['10.1.2.3', {}, false],
  ['::2', {}, false],
  ['127.0.0.1', { via: '1.1 proxy' }, false],
  [undefined, {}, false],
])('a request from %s with %j comes from this machine: %s', (ip, headers, expected) => {
  expect(isLocal({ ip, headers } as unknown as FastifyRequest)).toBe(expected)
})

test.each([
  [{}, false],
  [{ accept: '*/*' }, false],
  [{ origin: 'null' }, true],
  [{ 'sec-fetch-site': 'none' }, true],
])('%j comes from a browser: %s', (headers, expected) => {
  expect(isFromBrowser(requestOf(headers))).toBe(expected)
})
