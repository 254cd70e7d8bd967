import { expect, test } from 'vitest'
import { clientOf } from '../../../src/server/http/client.ts'
import { parseLimits } from '../../../src/server/http/descriptors.ts'
import { defaultLimits, limitsWithin } from '../../../src/server/http/limits.ts'

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::FFFF:10.1.2.3', '10.1.2.3'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
  [undefined, ''],
])('%s is the client %s', (address, client) => {
  expect(clientOf(address)).toBe(client)
})

const header = 'Limit                     Soft Limit           Hard Limit           Units\n'

test.each([
  [`${header}Max open files            1024                 1048576              files\n`, 1_024],
  [`${header}Max open files            unlimited            unlimited            files\n`, undefined],
  ['', undefined],
])('the limit of open files in %j', (text, limit) => {
  expect(parseLimits(text)).toBe(limit)
})

test.each([
  [undefined, 1_000, 128],
  [1_048_576, 1_000, 128],
  [4_000, 1_000, 128],
  [1_024, 256, 128],
  [256, 64, 32],
  [20, 16, 8],
])(
  'with %s open files there is room for %s connections and %s large answers',
  (files, connections, deliveries) => {
    expect(limitsWithin(files)).toMatchObject({ connections, deliveries })
    expect(limitsWithin(files).silenceMs).toBe(defaultLimits.silenceMs)
  },
)
