import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import {
  createAddressList,
  createHostRule,
  isCrossSite,
  isForwarded,
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

test.each([
  [{}, true],
  [{ ':authority': 'localhost:9797' }, true],
  [{ ':authority': 'evil.example' }, false],
  [{ host: '' }, false],
  [{ host: 'localhost:evil' }, false],
  [{ host: 'evil.example:localhost' }, false],
  [{ host: '[::1]:9797:1' }, false],
])('%j names a host that no other site can own: %s', (headers, expected) => {
  expect(createHostRule([])(requestOf(headers))).toBe(expected)
})
