import { X509Certificate } from 'node:crypto'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, describe, expect, test } from 'vitest'
import { connect } from '../../../src/kinds/shared/connect.ts'
import { tlsOptions } from '../../../src/kinds/shared/tls.ts'
import { failureOf } from '../../../src/schedule/reason.ts'
import { type Certificate, createAuthority } from '../../support/certificates.ts'
import type { Options } from '../../support/check.ts'
import { checkContext } from '../../support/context.ts'
import { listen, serve } from '../../support/net.ts'
import { serveOpenssl } from '../../support/tls.ts'

const authority = createAuthority()
const stranger = createAuthority('Nobody')
const intermediate = authority.intermediate()
const soon = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000)
const certificates = {
  good: authority.issue(),
  expired: authority.issue({ expired: true }),
  'not yet valid': authority.issue({ notYetValid: true }),
  'self-signed': authority.issue({ selfSigned: true }),
  'of an unknown authority': stranger.issue(),
  'below an intermediate': intermediate.issue(),
  'below an intermediate that ends first': authority.intermediate({ notAfter: soon }).issue(),
  'for another host': authority.issue({ names: ['other.example'] }),
  'for another address': authority.issue({ names: ['127.0.0.9'] }),
  'for a host by name alone': authority.issue({ names: ['localhost'] }),
  'for many hosts': authority.issue({
    commonName: 'many',
    names: [
      ...[0, 1, 2, 3].map(i => `*.${i}.example`),
      `${'x'.repeat(59)}.example`,
      'y.example',
      'z.example',
    ],
  }),
  'without any name': authority.issue({ names: [], commonName: '127.0.0.1' }),
}
const servers: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of servers) await stop()
  authority.remove()
  stranger.remove()
})

async function secure({ certPem, keyPem }: Pick<Certificate, 'certPem' | 'keyPem'>): Promise<number> {
  const sockets = new Set<TLSSocket>()
  const server: Server = createServer({ cert: certPem, key: keyPem }, socket => {
    sockets.add(socket)
    socket.on('error', () => {}).resume()
  })
  server.on('tlsClientError', () => {})
  servers.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return await listen(server)
}

/** `ok` or the code of the failure, and the reported expiry. */
async function handshake(port: number, options: Options = {}, host = '127.0.0.1') {
  const { context, trace } = checkContext()
  const tls = tlsOptions.parse({ ca: authority.caPem, ...options })
  const outcome = await connect({ host, port, tls, alpn: ['http/1.1'] }, context)
    .then(socket => describeSession(socket as TLSSocket))
    .catch(failureOf)
  return { ...outcome, expiry: trace.read().measurements.tls_not_after_timestamp_seconds }
}

function describeSession(socket: TLSSocket) {
  const facts = { resumed: socket.isSessionReused(), alpn: socket.alpnProtocol }
  socket.destroy()
  return { detail: 'ok', reason: 'ok', ...facts }
}

const expiryOf = (pem: string) => new X509Certificate(pem).validToDate.getTime() / 1_000

describe('verification', () => {
  test.each<[keyof typeof certificates, Options, string, string]>([
    ['good', {}, 'ok', 'ok'],
    ['expired', {}, 'tls_error', 'CERT_HAS_EXPIRED'],
    ['expired', { verify: false }, 'ok', 'ok'],
    ['not yet valid', {}, 'tls_error', 'CERT_NOT_YET_VALID'],
    ['self-signed', {}, 'tls_error', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['self-signed', { ca: certificates['self-signed'].certPem }, 'ok', 'ok'],
    ['self-signed', { verify: false }, 'ok', 'ok'],
    ['of an unknown authority', {}, 'tls_error', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['good', { ca: undefined }, 'tls_error', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['below an intermediate', {}, 'ok', 'ok'],
    ['for another host', {}, 'tls_error', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['for another host', { servername: 'other.example' }, 'ok', 'ok'],
    ['for another address', {}, 'tls_error', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['for a host by name alone', {}, 'tls_error', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['for a host by name alone', { servername: 'localhost' }, 'ok', 'ok'],
    ['without any name', {}, 'tls_error', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('a certificate %s, with %o', async (name, options, reason, detail) => {
    const certificate = certificates[name]
    const result = await handshake(await secure(certificate), options)
    expect(result).toMatchObject({ reason, detail })
    expect(result.expiry).toBe(expiryOf(certificate.leafPem))
  })

  test('the name of a URL is asked for and verified', async () => {
    const port = await secure(certificates['for a host by name alone'])
    expect(await handshake(port, {}, 'localhost')).toMatchObject({ detail: 'ok' })
  })

  test('a chain without its intermediate is refused', async () => {
    const { leafPem, keyPem } = certificates['below an intermediate']
    const result = await handshake(await secure({ certPem: leafPem, keyPem }))
    expect(result).toMatchObject({ reason: 'tls_error', detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    expect(result.expiry).toBe(expiryOf(leafPem))
  })

  test('the reported expiry is that of the first certificate in the chain to expire', async () => {
    const port = await secure(certificates['below an intermediate that ends first'])
    expect(await handshake(port)).toMatchObject({ detail: 'ok', expiry: soon.getTime() / 1_000 })
  })

  test('no session is resumed', async () => {
    const port = await secure(certificates.good)
    for (let i = 0; i < 2; i++) {
      expect(await handshake(port)).toMatchObject({ resumed: false })
    }
  })

  test('the protocol offered is agreed on', async () => {
    const server = createServer({
      cert: certificates.good.certPem,
      key: certificates.good.keyPem,
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    servers.push(() => server.close())
    expect(await handshake(await listen(server))).toMatchObject({ alpn: 'http/1.1' })
  })
})

describe('what is said of a certificate', () => {
  const day = (pem: string, end: 'validFromDate' | 'validToDate') =>
    new X509Certificate(pem)[end].toISOString().slice(0, 10)

  test.each<[keyof typeof certificates, Options, (pem: string) => string]>([
    [
      'expired',
      {},
      pem => `the certificate expired on ${day(pem, 'validToDate')} (CN=localhost, issued by CN=Test Root)`,
    ],
    [
      'not yet valid',
      {},
      pem =>
        `the certificate is valid only from ${day(pem, 'validFromDate')} on (CN=localhost, issued by CN=Test Root)`,
    ],
    ['self-signed', {}, () => 'the certificate is self-signed (CN=localhost)'],
    ['of an unknown authority', {}, () => 'the certificate is signed by an unknown authority: CN=Nobody'],
    [
      'below an intermediate',
      { ca: stranger.caPem },
      () => 'the certificate is signed by an unknown authority: CN=Test Root',
    ],
    ['for another host', {}, () => 'the certificate is for other.example; not for 127.0.0.1'],
    [
      'for many hosts',
      { servername: 'cache.internal' },
      () =>
        `the certificate is for *.0.example, *.1.example, *.2.example, *.3.example, ${'x'.repeat(59)}.exa… and 2 more; not for cache.internal`,
    ],
    [
      'without any name',
      {},
      () => 'the certificate is for no host by its alternative names (CN=127.0.0.1); not for 127.0.0.1',
    ],
  ])('one %s, with %o', async (name, options, message) => {
    const certificate = certificates[name]
    const result = await handshake(await secure(certificate), options)
    expect(result).toMatchObject({ reason: 'tls_error', message: message(certificate.leafPem) })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is the same over %s', async version => {
    const { certPem, keyPem } = certificates.expired
    const given = { cert: certPem, key: keyPem, minVersion: version, maxVersion: version }
    const server = createServer(given).on('tlsClientError', () => {})
    servers.push(() => server.close())
    expect(await handshake(await listen(server))).toMatchObject({
      reason: 'tls_error',
      detail: 'CERT_HAS_EXPIRED',
      message: expect.stringContaining('the certificate expired on'),
      expiry: expiryOf(certPem),
    })
  })
})

describe('expiresWithin', () => {
  const ending = 'below an intermediate that ends first'
  const soonText = `the certificate expires on ${soon.toISOString().slice(0, 10)} (CN=Test Intermediate, issued by CN=Test Root)`

  test.each<[keyof typeof certificates, Options, object]>([
    ['good', { expiresWithin: '30d' }, { detail: 'ok' }],
    [ending, { expiresWithin: '1m' }, { detail: 'ok' }],
    [
      ending,
      { expiresWithin: '30d' },
      { reason: 'tls_error', detail: 'certificate_expires_soon', message: soonText },
    ],
    [ending, { expiresWithin: '30d', verify: false }, { detail: 'certificate_expires_soon' }],
    ['expired', { expiresWithin: '30d' }, { detail: 'CERT_HAS_EXPIRED' }],
  ])('a certificate %s, with %o', async (name, options, outcome) => {
    expect(await handshake(await secure(certificates[name]), options)).toMatchObject(outcome)
  })
})

describe('protocols', () => {
  test.each([
    ['TLSv1.2', 'ok'],
    ['TLSv1.3', 'tls_alert_protocol_version'],
  ])('minVersion %s towards a server of TLS 1.2 is %s', async (minVersion, detail) => {
    const server = await serveOpenssl(certificates.good, '-tls1_2')
    expect(await handshake(server.port, { minVersion })).toMatchObject({ detail })
    await server.stop()
  })

  test.each([
    ['TLS 1.1 alone', ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']],
    ['no cipher in common', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0']],
    ['no cipher of TLS 1.3 in common', ['-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_8_SHA256']],
  ])('%s is tls_error', async (_what, args) => {
    const server = await serveOpenssl(certificates.good, ...args)
    expect(await handshake(server.port)).toMatchObject({
      reason: 'tls_error',
      detail: expect.stringMatching(/^tls_alert_(?:protocol_version|handshake_failure)$/),
      message: expect.stringMatching(
        /^the server refused the TLS handshake \(alert: (?:protocol version|handshake failure)\)$/,
      ),
    })
    await server.stop()
  })

  test('plain text on the port is tls_error', async () => {
    const plain = await serve(socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await handshake(plain.port)).toMatchObject({
      reason: 'tls_error',
      message: 'TLS failed: wrong version number',
      expiry: undefined,
    })
    await plain.close()
  })

  test('a server that hangs up inside the handshake is closed_early', async () => {
    const rude = await serve(socket => socket.once('data', () => socket.end()))
    expect(await handshake(rude.port)).toMatchObject({ reason: 'connection_error', detail: 'closed_early' })
    await rude.close()
  })
})
