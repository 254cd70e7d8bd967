import { createServer, type SecureVersion, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tls } from '../../../src/kinds/tls/tls.ts'
import { dependencySchema } from '../../../src/model/definition.ts'
import { type Certificate, createAuthority } from '../../support/certificates.ts'
import { check, type Options, parseOptions } from '../../support/check.ts'
import { listen } from '../../support/net.ts'
import { type OpensslServer, serveOpenssl } from '../../support/tls.ts'
import { contract } from '../contract.ts'

const authority = createAuthority()
const good = authority.issue()
const stops: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of stops) await stop()
  authority.remove()
})

const at = (port: number, more: Options = {}) => ({
  host: '127.0.0.1',
  port,
  tls: { ca: authority.caPem },
  ...more,
})

contract({
  kind: tls,
  options: at,
  secretive: (port, secret) => at(port, { tls: { cert: good.certPem, key: secret } }),
  real: () => serveOpenssl(good),
  garbage: ['tls_error'],
})

/** A server of Node's, which says nothing once TLS is established. */
async function secure(certificate: Certificate, options: TlsOptions = {}): Promise<number> {
  const sockets = new Set<TLSSocket>()
  const { certPem, keyPem } = certificate
  const server = createServer({ cert: certPem, key: keyPem, ...options }, socket => {
    sockets.add(socket)
    socket.on('error', () => {}).resume()
  })
  stops.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return await listen(server.on('tlsClientError', () => {}))
}

const inDays = (days: number) => new Date((Math.floor(Date.now() / 1_000) + days * 86_400) * 1_000)
const seconds = (date: Date) => date.getTime() / 1_000

describe('the chain', () => {
  const [leafEnd, nearEnd, farEnd] = [inDays(90), inDays(60), inDays(400)]
  const below = authority.intermediate({ notAfter: farEnd }).intermediate({ notAfter: nearEnd })
  const leaf = below.issue({ notAfter: leafEnd })

  test('each place in it has its own expiry, and all of them are counted', async () => {
    const port = await secure({ ...leaf, certPem: leaf.certPem + authority.caPem })
    const result = await check(tls, at(port))
    expect(result).toMatchObject({ ok: true })
    expect(result.measurements).toEqual({
      tls_not_after_timestamp_seconds: seconds(nearEnd),
      leaf_not_after_timestamp_seconds: seconds(leafEnd),
      intermediate_not_after_timestamp_seconds: seconds(nearEnd),
      root_not_after_timestamp_seconds: expect.toSatisfy((end: number) => end > seconds(inDays(3_000))),
      certificates: 4,
      verified: 1,
      protocol_version: 1.3,
    })
  })

  test('what is not presented is not measured', async () => {
    const result = await check(tls, at(await secure(good)))
    expect(result).toMatchObject({ ok: true, measurements: { certificates: 1 } })
    expect(Object.keys(result.measurements)).not.toContain('root_not_after_timestamp_seconds')
    expect(Object.keys(result.measurements)).not.toContain('intermediate_not_after_timestamp_seconds')
  })

  test('an intermediate with the name of its issuer is no root', async () => {
    const result = await check(tls, at(await secure(leaf)))
    expect(result.measurements).toMatchObject({
      certificates: 3,
      intermediate_not_after_timestamp_seconds: seconds(nearEnd),
    })
    expect(Object.keys(result.measurements)).not.toContain('root_not_after_timestamp_seconds')
  })

  test('a chain that is refused is measured, too', async () => {
    const expired = authority.issue({ expired: true })
    const result = await check(tls, at(await secure(expired)))
    expect(result).toMatchObject({
      ok: false,
      reason: 'tls_error',
      detail: 'CERT_HAS_EXPIRED',
      measurements: { certificates: 1, verified: 0, leaf_not_after_timestamp_seconds: expect.any(Number) },
    })
  })

  test('without verification, the check is ok and says that it does not verify', async () => {
    const selfSigned = await secure(authority.issue({ selfSigned: true }))
    const result = await check(tls, at(selfSigned, { tls: { verify: false } }))
    expect(result).toMatchObject({ ok: true, measurements: { verified: 0 } })
  })

  test.each<[number, string | undefined, boolean]>([
    [15, undefined, true],
    [13, undefined, false],
    [13, '7d', true],
    [13, '30d', false],
    [13, '0s', true],
  ])('a certificate that expires in %i days, with expiresWithin %s: %s', async (days, expiresWithin, ok) => {
    const port = await secure(authority.issue({ notAfter: inDays(days) }))
    const limit = expiresWithin === undefined ? {} : { expiresWithin }
    const result = await check(tls, at(port, { tls: { ca: authority.caPem, ...limit } }))
    const day = inDays(days).toISOString().slice(0, 10)
    expect(result).toMatchObject(
      ok
        ? { ok }
        : {
            ok,
            reason: 'tls_error',
            detail: 'certificate_expires_soon',
            message: `the certificate expires on ${day} (CN=localhost, issued by CN=Test Root)`,
          },
    )
  })

  test('the message names the certificate that expires first', async () => {
    const soon = authority.intermediate({ notAfter: inDays(3) }).issue()
    expect(await check(tls, at(await secure(soon)))).toMatchObject({
      detail: 'certificate_expires_soon',
      message: expect.stringContaining('CN=Test Intermediate, issued by CN=Test Root'),
    })
  })
})

describe('what is agreed on', () => {
  const of = (maxVersion: SecureVersion, more: TlsOptions = {}) => secure(good, { maxVersion, ...more })
  const ok = { ok: true }
  const not = (detail: string, agreed: string) => ({
    ok: false,
    reason: 'unhealthy',
    detail,
    message: `the server negotiated ${agreed}, which is not what is expected`,
  })

  test.each<[string, SecureVersion, TlsOptions, Options, object]>([
    ['the version', 'TLSv1.3', {}, { expect: { protocol: 'TLSv1.3' } }, ok],
    [
      'another version',
      'TLSv1.2',
      {},
      { expect: { protocol: 'TLSv1.3' } },
      not('protocol_mismatch', 'version TLSv1.2'),
    ],
    ['a cipher', 'TLSv1.3', { ciphers: 'TLS_AES_128_GCM_SHA256' }, { expect: { cipher: 'AES_128_GCM' } }, ok],
    [
      'a cipher of TLS 1.2',
      'TLSv1.2',
      { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      { expect: { cipher: '^TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384$' } },
      ok,
    ],
    [
      'another cipher',
      'TLSv1.3',
      { ciphers: 'TLS_AES_128_GCM_SHA256' },
      { expect: { cipher: 'CHACHA20' } },
      not('cipher_mismatch', 'cipher suite TLS_AES_128_GCM_SHA256'),
    ],
    ['a protocol inside', 'TLSv1.3', { ALPNProtocols: ['h2', 'http/1.1'] }, { expect: { alpn: 'h2' } }, ok],
    [
      'another protocol inside',
      'TLSv1.3',
      { ALPNProtocols: ['http/1.1'] },
      { alpn: ['h2', 'http/1.1'], expect: { alpn: 'h2' } },
      not('alpn_mismatch', 'ALPN protocol http/1.1'),
    ],
    [
      'no protocol inside',
      'TLSv1.3',
      {},
      { expect: { alpn: 'h2' } },
      not('alpn_mismatch', 'ALPN protocol none'),
    ],
    [
      'no common protocol inside',
      'TLSv1.3',
      { ALPNProtocols: ['http/1.1'] },
      { expect: { alpn: 'h2' } },
      { reason: 'tls_error', detail: 'tls_alert_no_application_protocol' },
    ],
    [
      'an older version than allowed',
      'TLSv1.2',
      {},
      { tls: { ca: authority.caPem, minVersion: 'TLSv1.3' } },
      { reason: 'tls_error', detail: 'tls_alert_protocol_version' },
    ],
  ])('%s', async (_what, version, server, options, outcome) => {
    expect(await check(tls, at(await of(version, server), options))).toMatchObject(outcome)
  })

  test('the version is measured', async () => {
    expect(await check(tls, at(await of('TLSv1.2')))).toMatchObject({
      measurements: { protocol_version: 1.2 },
    })
  })

  test('a refused certificate goes before what is expected', async () => {
    const options = { tls: {}, expect: { alpn: 'h2' } }
    expect(await check(tls, at(await of('TLSv1.3'), options))).toMatchObject({
      detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
  })
})

describe.each(['-tls1_2', '-tls1_3'])('where %s demands a client certificate', version => {
  let strict: OpensslServer
  beforeAll(async () => {
    strict = await serveOpenssl(
      good,
      version,
      '-Verify',
      '1',
      '-verify_return_error',
      '-CAfile',
      authority.caFile,
    )
  })
  afterAll(() => strict.stop())

  test('none is auth_error, and a good one is ok', async () => {
    expect(await check(tls, at(strict.port))).toMatchObject({
      ok: false,
      reason: 'auth_error',
      detail: 'certificate_required',
    })
    const own = { ca: authority.caPem, cert: good.certPem, key: good.keyPem }
    expect(await check(tls, at(strict.port, { tls: own }))).toMatchObject({ ok: true })
  })
})

test('a server that closes after the handshake is down', async () => {
  const server = createServer({ cert: good.certPem, key: good.keyPem }, socket => socket.end())
  stops.push(() => server.close())
  expect(await check(tls, at(await listen(server)))).toMatchObject({ ok: false, detail: 'closed_early' })
})

describe('options', () => {
  test.each([
    [{}, 'Invalid input: expected string, received undefined'],
    [{ host: 'db', port: 0 }, 'Too small: expected number to be >=1'],
    [{ host: 'db', startTls: 'http' }, expect.stringContaining('expected one of "smtp"|"imap"')],
    [
      { host: 'db', alpn: ['http/1.1'], expect: { alpn: 'h2' } },
      'alpn does not offer this protocol; add it there, or leave alpn out',
    ],
    [
      { host: 'db', expect: { protocol: 'TLSv1.1' } },
      expect.stringContaining('expected one of "TLSv1.2"|"TLSv1.3"'),
    ],
    [
      { host: 'db', expect: { cipher: '(a)\\1' } },
      'invalid pattern (RE2 syntax): invalid escape sequence: `\\1`',
    ],
  ])('refuses %j', (options, message) => {
    const parsed = dependencySchema(tls).safeParse(options)
    expect(parsed.error?.issues.map(issue => issue.message)).toContainEqual(message)
  })

  test.each([
    [{ host: 'web' }, 'web:443'],
    [{ host: '[::1]', port: 8443 }, '[::1]:8443'],
    [{ host: 'mail', startTls: 'smtp' }, 'mail:25'],
    [{ host: 'mail', startTls: 'smtp', port: 587 }, 'mail:587'],
    [{ host: 'mail', startTls: 'imap' }, 'mail:143'],
    [{ host: 'mail', startTls: 'pop3' }, 'mail:110'],
    [{ host: 'files', startTls: 'ftp' }, 'files:21'],
    [{ host: 'people', startTls: 'ldap' }, 'people:389'],
    [{ host: 'db', startTls: 'postgres' }, 'db:5432'],
    [{ host: 'db', startTls: 'mysql' }, 'db:3306'],
  ])('prints %j as %s', (options, target) => {
    expect(tls.target(parseOptions(tls, options))).toBe(target)
  })
})
