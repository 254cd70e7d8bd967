import { describe, expect, test } from 'vitest'
import { loginOf, options } from '../../../src/kinds/postgres/options.ts'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import { dependencySchema } from '../../../src/model/definition.ts'
import { parseOptions } from '../../support/check.ts'

const fullyVerified = { verify: true, minVersion: 'TLSv1.2' }

describe('the options of postgres', () => {
  test.each([
    [{}, 'required: a url, or host and user'],
    [{ host: 'db' }, 'required: a url, or host and user'],
    [{ url: 'postgres://u@db', host: 'db' }, 'give either url or host, not both'],
    [{ url: 'postgres://u@db', port: 5432 }, 'give either url or port, not both'],
    [{ url: 'postgres://u@db', database: 'x' }, 'give either url or database, not both'],
    [{ url: 'postgres://u:p@db', password: 'p' }, 'give either url or password, not both'],
    [{ url: 'mysql://u@db' }, 'expected a URL that starts with postgres:// or postgresql://'],
    [{ url: 'postgres://db/orders' }, 'the URL needs a user: postgres://user@host/database'],
    [{ url: 'postgres:///orders' }, 'the URL needs a host name or an IP address'],
    [{ url: 'postgres://u@%2Frun/orders' }, 'the URL needs a host name or an IP address'],
    [{ url: 'postgres://u@a,b/orders' }, 'the URL names several hosts; configure a dependency for each'],
    [{ url: 'postgres://u:100%@db' }, 'a part of the URL cannot be decoded; write "%" as %25'],
    [{ url: 'postgres://u%00options@db' }, 'a part of the URL cannot be decoded; write "%" as %25'],
    [{ url: 'postgres://u@db?schema=public' }, 'unknown parameter "schema" in the URL; remove it'],
    [
      { url: 'postgres://u@db?sslrootcert=/ca' },
      'unknown parameter "sslrootcert" in the URL; use tls.caFile',
    ],
    [{ url: 'postgres://u@db?pgbouncer=true' }, 'unknown parameter "pgbouncer" in the URL; use pooler: true'],
    [
      { url: 'postgres://u@db?sslmode=disable&s3cr3t' },
      'unknown parameter in the URL, number 2 after "?"; supported are sslmode, sslnegotiation, application_name, connect_timeout, channel_binding',
    ],
    [
      { url: 'postgres://u@db?sslmode=require&sslnegotiation=maybe' },
      'sslnegotiation in the URL must be postgres or direct',
    ],
    [
      { url: 'postgres://u@db?sslnegotiation=direct' },
      'direct negotiation needs TLS: set tls, or sslmode=require in the URL',
    ],
    [
      { host: 'db', user: 'u', sslNegotiation: 'direct' },
      'direct negotiation needs TLS: set tls, or sslmode=require in the URL',
    ],
    [
      { url: 'postgres://u@db?sslmode=require&sslmode=disable' },
      'parameter "sslmode" occurs twice in the URL',
    ],
    [
      { url: 'postgres://u@db?sslmode=disable', tls: {} },
      'sslmode=disable contradicts tls; remove one of them',
    ],
    [
      { url: 'postgres://u@db?sslmode=no-verify&channel_binding=require' },
      'channel_binding=require needs a verified certificate; remove sslmode=no-verify',
    ],
    [{ host: 'db', user: 'u\0application_name' }, 'must not contain a zero byte'],
    [{ host: 'db', user: 'u', role: 'master' }, 'Invalid option: expected one of "primary"|"standby"|"any"'],
    [{ host: 'db', user: 'u', query: '' }, 'Too small: expected string to have >=1 characters'],
  ])('refuses %j', (given, message) => {
    const parsed = dependencySchema(postgres).safeParse(given)
    expect(parsed.error?.issues.map(issue => issue.message)).toContain(message)
  })

  test.each(['prefer', 'allow', '', 'REQUIRE'])('refuses sslmode=%s and says what there is', mode => {
    const parsed = dependencySchema(postgres).safeParse({ url: `postgres://u@db?sslmode=${mode}` })
    expect(parsed.error?.issues[0]?.message).toBe(
      'sslmode in the URL must be one of disable, no-verify, require, verify-ca, verify-full; prefer and allow may send the password in clear text',
    )
  })

  test.each([
    ['', undefined],
    ['?sslmode=disable', undefined],
    ['?sslmode=require', fullyVerified],
    ['?sslmode=verify-ca', fullyVerified],
    ['?sslmode=verify-full&channel_binding=require', fullyVerified],
    ['?sslmode=no-verify', { verify: false, minVersion: 'TLSv1.2' }],
  ])('reads TLS out of "%s"', (query, tls) => {
    expect(loginOf(options.parse({ url: `postgres://u@db${query}` })).tls).toEqual(tls)
  })

  test.each(['s3cr3t', '__proto__', 'constructor', 'p%40ss%26w0rd'])(
    'never quotes "%s", which is no parameter that anybody knows',
    word => {
      for (const query of [word, `${word}=x`, `sslmode=disable&${word}&${word}`]) {
        const parsed = dependencySchema(postgres).safeParse({ url: `postgres://u@db?${query}` })
        expect(parsed.success).toBe(false)
        expect(JSON.stringify(parsed.error?.issues)).not.toContain(decodeURIComponent(word))
      }
    },
  )

  test.each([
    [{ url: 'postgres://u@db?sslmode=require&sslnegotiation=direct' }, true],
    [{ url: 'postgres://u@db?sslnegotiation=direct', tls: {} }, true],
    [{ host: 'db', user: 'u', tls: {}, sslNegotiation: 'direct' }, true],
    [{ url: 'postgres://u@db?sslmode=require&sslnegotiation=postgres' }, false],
    [{ url: 'postgres://u@db?sslmode=require' }, false],
  ])('TLS begins at once with %j: %s', (given, direct) => {
    expect(loginOf(options.parse(given)).direct).toBe(direct)
  })

  test('lets tls say how, where the URL says that', () => {
    const given = { url: 'postgres://u@db?sslmode=require', tls: { ca: 'PEM' } }
    expect(loginOf(options.parse(given)).tls).toEqual({ ca: 'PEM', verify: true, minVersion: 'TLSv1.2' })
  })

  test.each([
    [{ url: 'postgres://app@db' }, 'db:5432/app'],
    [{ url: 'postgresql://app:s3cret@db:6543/orders?application_name=x' }, 'db:6543/orders'],
    [{ url: 'postgres://app@[::1]/a%20b' }, '[::1]:5432/a b'],
    [{ host: '[::1]', user: 'app' }, '[::1]:5432/app'],
    [{ host: 'db', port: 1, user: 'app', database: 'orders' }, 'db:1/orders'],
  ])('prints %j as %s', (given, target) => {
    expect(postgres.target(parseOptions(postgres, given))).toBe(target)
  })

  test('decodes user and password, and takes a password beside the URL', () => {
    const inUrl = loginOf(options.parse({ url: 'postgres://a%40b:p%2Fw@db' }))
    expect([inUrl.user, inUrl.password?.reveal()]).toEqual(['a@b', 'p/w'])
    const beside = loginOf(options.parse({ url: 'postgres://a@db', password: 'p/w' }))
    expect(beside.password?.reveal()).toBe('p/w')
  })
})
