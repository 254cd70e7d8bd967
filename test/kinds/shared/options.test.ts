import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  addressedBy,
  bareHost,
  fileText,
  host,
  meets,
  parseEndpoint,
  pattern,
  port,
  secret,
  secretText,
  secretUrl,
  textExpectation,
} from '../../../src/kinds/shared/options.ts'
import { Secret, SecretUrl } from '../../../src/model/secret.ts'

const messages = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues.map(issue => issue.message)

describe('secrets', () => {
  test.each([
    ['secret', secret('A password.')],
    ['secretText', secretText],
  ])('%s never prints', (_name, schema) => {
    const parsed = schema.parse('hunter2')
    expect(parsed).toBeInstanceOf(Secret)
    expect(JSON.stringify(parsed)).toBe('"<secret>"')
    expect(parsed.reveal()).toBe('hunter2')
  })

  test('those that can stand in a file of their own say so', () => {
    const hasFile = [secret('x'), fileText('x'), secretUrl(['tcp'], 'x')].map(
      schema => z.globalRegistry.get(schema)?.file,
    )
    expect(hasFile).toEqual([true, true, true])
    expect(z.globalRegistry.get(secretText)?.file).toBeUndefined()
  })
})

describe('secretUrl', () => {
  const schema = secretUrl(['http', 'https'], 'Where.')

  test('takes its schemes', () => {
    const url = schema.parse('https://user:pass@host/path?key=value')
    expect(url).toBeInstanceOf(SecretUrl)
    expect(String(url)).toBe('https://user:<secret>@host/path?key=<secret>')
  })

  test.each(['', 'host', 'tcp://host:1', '//host', 'http:/host'])('refuses %j without repeating it', text => {
    expect(messages(schema, text)).toEqual(['expected a URL that starts with http:// or https://'])
  })
})

describe('patterns', () => {
  test.each([
    ['^ok$', 'ok', true],
    ['^ok$', 'not ok', false],
    ['k', 'ok', true],
    ['(?i)OK', 'ok', true],
    ['', 'anything', true],
  ])('%s against %s', (text, subject, matches) => {
    expect(pattern.parse(text).test(subject)).toBe(matches)
  })

  test.each(['(', '(a)\\1', '(?=a)', 'a{1,5000}', '[z-a]'])('refuses %s', text => {
    expect(messages(pattern, text)).toEqual([expect.stringMatching(/^invalid pattern \(RE2 syntax\): /)])
  })

  test('a pattern that would take for ever elsewhere takes no time', () => {
    const before = performance.now()
    expect(pattern.parse('^(a+)+$').test(`${'a'.repeat(50_000)}!`)).toBe(false)
    expect(performance.now() - before).toBeLessThan(1_000)
  })
})

test.each([
  [{}, 'anything', true],
  [{ contains: 'b' }, 'abc', true],
  [{ contains: 'd' }, 'abc', false],
  [{ matches: '^a' }, 'abc', true],
  [{ contains: 'b', matches: '^b' }, 'abc', false],
  [{ contains: 'd', matches: '^a' }, 'abc', false],
])('%j is met by %s: %s', (expectation, text, met) => {
  expect(meets(textExpectation.parse(expectation), text)).toBe(met)
})

describe('addresses', () => {
  test.each([
    ['db.example', 'db.example'],
    ['[::1]', '::1'],
    ['::1', '::1'],
  ])('the host %s is %s', (text, bare) => {
    expect(host.parse(text)).toBe(bare)
    expect(bareHost(text)).toBe(bare)
  })

  test.each(['', 'a b', 'a/b', 'user@host', 'x'.repeat(256)])('%j is no host', text => {
    expect(host.safeParse(text).success).toBe(false)
  })

  test.each([0, 65_536, 1.5, '80'])('%j is no port', value => {
    expect(port.safeParse(value).success).toBe(false)
  })

  test.each([
    ['db', { host: 'db', port: 53 }],
    ['db:5432', { host: 'db', port: 5432 }],
    ['[::1]:5432', { host: '::1', port: 5432 }],
    ['[::1]', { host: '::1', port: 53 }],
    ['::1', { host: '::1', port: 53 }],
    ['db:0', undefined],
    ['db:65536', undefined],
    ['db:', undefined],
    ['a:b:c', undefined],
    ['', undefined],
  ])('%j names the endpoint %j', (text, endpoint) => {
    expect(parseEndpoint(text, 53)).toEqual(endpoint)
  })

  test.each([
    [{ url: 'x' }, undefined],
    [{ host: 'a', port: 1 }, undefined],
    [{}, ['required: a url, or host and port']],
    [{ host: 'a' }, ['required: a url, or host and port']],
    [{ url: 'x', host: undefined }, undefined],
    [{ url: 'x', port: 1 }, ['give either url or port, not both']],
  ])('%j is judged', (value, issues) => {
    const keys = { url: z.string().optional(), host: z.string().optional(), port: z.int().optional() }
    const schema = z.strictObject(keys).superRefine(addressedBy(['host', 'port']))
    expect(messages(schema, value)).toEqual(issues)
  })
})
