import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { redactor, Secret, SecretUrl, secretsIn } from '../../src/model/secret.ts'

const shownAs = (value: unknown) =>
  [String(value), `${value}`, JSON.stringify({ value }), inspect({ deep: [value] })].join('\n')

describe('a secret', () => {
  test('prints as <secret> wherever it lands, and gives itself out on demand alone', () => {
    const secret = new Secret('hunter22')
    expect(shownAs(secret)).not.toContain('hunter22')
    expect(JSON.stringify({ secret })).toBe('{"secret":"<secret>"}')
    expect(secret.reveal()).toBe('hunter22')
    expect(Object.keys(secret)).toEqual([])
    expect({ ...secret }).toEqual({})
  })

  test.each([
    ['postgres://user:hunter22@db:5432/orders', 'postgres://user:<secret>@db:5432/orders'],
    ['postgres://db/orders', 'postgres://db/orders'],
    ['redis://:hunter22@cache', 'redis://:<secret>@cache'],
    ['https://api/health?token=hunter22&x=1', 'https://api/health?token=<secret>&x=<secret>'],
    ['https://api/hook?hunter22', 'https://api/hook?<secret>'],
    ['https://api/hook?hunter22=', 'https://api/hook?<secret>'],
    ['https://api/hook?hunter22==', 'https://api/hook?<secret>'],
    ['https://api/hook?=hunter22', 'https://api/hook?<secret>'],
    [
      'https://api/hook?a=1&&hunter22&filter[b.c]==d',
      'https://api/hook?a=<secret>&<secret>&filter[b.c]=<secret>',
    ],
    ['https://api/hook?u:hunter22@b=1', 'https://api/hook?<secret>'],
    [`https://api/hook?hunter22${'x'.repeat(64)}=1`, 'https://api/hook?<secret>'],
    ["https://$'&$&:hunter22@api/", "https://$'&$&:<secret>@api/"],
    ['https://hunter22@api/#fragment', 'https://<secret>@api/'],
    ['postgres://reader@db/orders', 'postgres://reader@db/orders'],
  ])('%s prints as %s', (url, shown) => {
    expect(String(new SecretUrl(url))).toBe(shown)
    expect(shownAs(new SecretUrl(url))).not.toContain('hunter22')
  })

  test('a text that is no URL is refused without being repeated', () => {
    expect(() => new SecretUrl('hunter22 is no url')).toThrow(new TypeError('not an absolute URL'))
  })
})

describe('redaction', () => {
  const options = {
    url: new SecretUrl('postgres://user:p%40ss%20word@db/x?sslkey=key-in-query&alone+in%2fquery&cGFkZGVk='),
    nested: { list: [new Secret('s3cr3t "quoted"')] },
    plain: 'visible',
  }

  test('finds every secret, however deep', () => {
    expect(secretsIn(options)).toHaveLength(2)
  })

  test.each([
    ['raw', 'saw p@ss word there'],
    ['as in the URL', 'saw p%40ss%20word there'],
    ['in a query', 'saw key-in-query there'],
    ['alone in a query', 'saw alone+in%2fquery there'],
    ['alone in a query, decoded', 'saw alone in/query there'],
    ['alone in a query, without its padding', 'saw cGFkZGVk there'],
    ['base64', `saw ${Buffer.from('s3cr3t "quoted"').toString('base64')} there`],
    ['basic authorization', `saw ${Buffer.from('user:p%40ss%20word').toString('base64')} there`],
    ['JSON', String.raw`saw s3cr3t \"quoted\" there`],
    ['URL-encoded', 'saw s3cr3t%20%22quoted%22 there'],
  ])('%s: the secret goes, the rest stays', (_spelling, text) => {
    expect(redactor(options)(text)).toMatch(/^saw <secret>=* there$/)
  })

  test('the longest goes first, so that no part of one is left over', () => {
    const redact = redactor([new Secret('abcd'), new Secret('abcdefgh')])
    expect(redact('abcdefgh abcd')).toBe('<secret> <secret>')
  })

  test('what is too short to hide is left alone', () => {
    expect(redactor(new Secret('abc'))('abcabc')).toBe('abcabc')
  })
})
