import { expect, test } from 'vitest'
import { defaultLimits, limitsWithin, parseOpenFileLimit } from '../../../src/server/http/limits.ts'

const header = 'Limit                     Soft Limit           Hard Limit           Units\n'

test.each([
  [`${header}Max open files            1024                 1048576              files\n`, 1_024],
  [`${header}Max open files            unlimited            unlimited            files\n`, undefined],
  ['', undefined],
])('the limit of open files in %j', (text, limit) => {
  expect(parseOpenFileLimit(text)).toBe(limit)
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
