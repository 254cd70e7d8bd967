import { describe, expect, test } from 'vitest'
import { clean } from '../../src/exposition/family.ts'
import {
  escapeHelp,
  escapeQuoted,
  formatBound,
  formatFloatBound,
  formatNumber,
} from '../../src/exposition/text.ts'

describe('label values', () => {
  test.each([
    ['plain', 'plain'],
    ['', ''],
    ['a"b', 'a\\"b'],
    ['a\\b', 'a\\\\b'],
    ['a\\nb', 'a\\\\nb'],
    ['two\nlines', 'two\\nlines'],
    ['a,b:c{d="e"}', 'a,b:c{d=\\"e\\"}'],
    ['cr\rnul\0tab\tdel\x7f', 'cr␍nul␀tab␉del␡'],
    ['C1 \u0080\u0085\u009f stays', 'C1 \u0080\u0085\u009f stays'],
    ['separator \u2028 stays', 'separator \u2028 stays'],
    ['right to left \u202e stays', 'right to left \u202e stays'],
    ['pair 😀 stays', 'pair 😀 stays'],
    ['lone \ud83d half', 'lone \ufffd half'],
    ['lone \ude00', 'lone \ufffd'],
  ])('%j is quoted as %j', (value, expected) => {
    expect(escapeQuoted(value)).toBe(expected)
  })

  test('an object is its text, and its text is escaped', () => {
    const hostile = { toString: () => 'x",evil="y' } as unknown as string
    expect(escapeQuoted(hostile)).toBe('x\\",evil=\\"y')
    expect(clean(hostile)).toBe('x",evil="y')
  })

  test('control characters that differ stay different', () => {
    const all = Array.from({ length: 32 }, (_, code) => clean(String.fromCharCode(code)))
    expect(new Set(all).size).toBe(32)
  })
})

test('HELP of text 0.0.4 escapes backslash and newline alone', () => {
  expect(escapeHelp('a "b" \\ c\nd')).toBe('a "b" \\\\ c\\nd')
})

test.each([
  [0, '0'],
  [1.5, '1.5'],
  [0.1 + 0.2, '0.30000000000000004'],
  [1e21, '1e+21'],
  [5e-324, '5e-324'],
  [1_700_000_000.123, '1700000000.123'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [Number.NaN, 'NaN'],
])('%d is written %s', (value, expected) => {
  expect(formatNumber(value)).toBe(expected)
})

// The list of canonical numbers in OpenMetrics 1.0, "Considerations: Canonical Numbers", and Go's %g for the rest.
test.each([
  [1e-10, '1e-10', '1e-10'],
  [1e-9, '1e-09', '1e-09'],
  [1e-5, '1e-05', '1e-05'],
  [0.0001, '0.0001', '0.0001'],
  [0.005, '0.005', '0.005'],
  [0.1, '0.1', '0.1'],
  [1, '1', '1.0'],
  [2.5, '2.5', '2.5'],
  [10, '10', '10.0'],
  [100_000, '100000', '100000.0'],
  [1e6, '1e+06', '1e+06'],
  [1_234_567.5, '1.2345675e+06', '1.2345675e+06'],
  [1e10, '1e+10', '1e+10'],
  [-1, '-1', '-1.0'],
])('the bound %d is %s, as a float %s', (value, plain, float) => {
  expect(formatBound(value)).toBe(plain)
  expect(formatFloatBound(value)).toBe(float)
})
