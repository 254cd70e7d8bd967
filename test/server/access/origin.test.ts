import { describe, expect, test } from 'vitest'
import { createAddressList } from '../../../src/server/access/origin.ts'

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
