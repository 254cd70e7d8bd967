import { describe, expect, test } from 'vitest'
import { http } from '../../src/kinds/http/http.ts'
import { tcp } from '../../src/kinds/tcp.ts'
import { parseDependency } from '../../src/model/definition.ts'
import { isSame } from '../../src/model/identity.ts'
import type { Kind } from '../../src/model/kind.ts'
import { formatDuration, parseDuration } from '../../src/model/notation.ts'

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['15s', 15_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1d12h', 129_600_000],
    ['2w', 1_209_600_000],
    ['1y', 31_536_000_000],
    ['0', 0],
    ['0s', 0],
    ['90s', 90_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '5', '1.5s', '-1s', '30s1m', '1s1s', 's', ' 1s', '1 s', '1S', 'NaN', '1e3s', '٣s'])(
    '%j is none',
    text => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  test.each([
    [0, '0s'],
    [90_000, '1m30s'],
    [86_400_000, '1d'],
    [1_234, '1s234ms'],
    [31_536_000_000, '365d'],
  ])('%i ms is written %s, and read back', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
    expect(parseDuration(text)).toBe(ms)
  })
})

describe('a dependency in code', () => {
  const options = { url: 'tcp://cache:6379' }

  test('has the defaults of the documentation', () => {
    expect(parseDependency('cache', tcp, options).dependency).toMatchObject({
      name: 'cache',
      kind: 'tcp',
      target: 'cache:6379',
      critical: true,
      intervalMs: 15_000,
      timeoutMs: 3_000,
      confirmIntervalMs: 1_000,
      failureThreshold: 2,
      successThreshold: 1,
      staleAfterMs: 33_000,
    })
  })

  test('has a target of bounded length', () => {
    const targetOf = (path: string) =>
      parseDependency('api', http, { url: `http://api/${path}` }).dependency.target
    expect(targetOf('a'.repeat(245))).toBe(`http://api/${'a'.repeat(245)}`)
    expect(targetOf('a'.repeat(246))).toBe(`http://api/${'a'.repeat(244)}…`)
  })

  test('confirms no later than it checks', () => {
    expect(
      parseDependency('cache', tcp, { ...options, interval: '500ms', timeout: '100ms' }).dependency
        .confirmIntervalMs,
    ).toBe(500)
  })

  test('staleAfter may be as short as interval + timeout, and no shorter', () => {
    const made = (staleAfter: string) => parseDependency('cache', tcp, { ...options, staleAfter }).dependency
    expect(made('18s').staleAfterMs).toBe(18_000)
    expect(() => made('17s999ms')).toThrow('staleAfter 17s999ms is below interval + timeout (18s)')
  })

  test.each([
    [
      { ...options, timeout: '20s' },
      'timeout 20s is above interval 15s; a check must end before the next one is due',
    ],
    [
      { ...options, staleAfter: '10s' },
      'staleAfter 10s is below interval + timeout (18s); every status would be stale between two checks',
    ],
    [
      { ...options, interval: '5' },
      '"5" is not a duration; write whole numbers with units, such as 500ms, 15s or 1m30s',
    ],
    [{ ...options, interval: '30d' }, '30d is out of range; it must be between 100ms and 1d'],
    [{ ...options, failureThreshold: 0 }, 'Too small: expected number to be >=1'],
    [{ ...options, labels: { job: 'x' } }, 'this label name is reserved'],
    [{ ...options, labels: { __x: 'x' } }, 'this label name is reserved'],
    [{ ...options, interal: '5s' }, 'Unrecognized key: "interal"'],
  ])('refuses %j', (given, message) => {
    expect(() => parseDependency('cache', tcp, given)).toThrow(message)
  })

  test.each(['', 'a b', 'a/b', 'ä', 'x'.repeat(65), '../x', 'a\nb'])('refuses the name %j', name => {
    expect(() => parseDependency(name, tcp, options)).toThrow('a name has 1 to 64 characters')
  })

  test('has an identity that tells secrets and kinds apart without showing them', () => {
    const made = (kind: Kind, send: string) => parseDependency('cache', kind, { ...options, send }).identity
    const one = made(tcp, 'secret-a')
    expect(isSame(one, made(tcp, 'secret-a'))).toBe(true)
    expect(isSame(one, made(tcp, 'secret-b'))).toBe(false)
    expect(isSame(one, made({ ...tcp, name: 'tcp' }, 'secret-a'))).toBe(false)
    expect(JSON.stringify(one)).not.toContain('secret-a')
  })

  test('is plain data for those who show it', () => {
    const { dependency } = parseDependency('cache', tcp, options)
    expect(structuredClone(dependency)).toEqual(dependency)
  })
})
