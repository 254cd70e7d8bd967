/** The kind `grpc` against the server of the gRPC authors, and against servers that answer by hand. */

import { sensitiveHeaders } from 'node:http2'
import { status as codes, Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { afterAll, describe, expect, test } from 'vitest'
import { grpc } from '../../../src/kinds/grpc/grpc.ts'
import { optionsOf } from '../../../src/model/definition.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options, parseOptions } from '../../support/check.ts'
import { createCredentials, type Http2Call, serveGrpc, serveHealth, serveHttp2 } from '../../support/grpc.ts'
import { serveOpenssl } from '../../support/tls.ts'
import { contract } from '../contract.ts'

const at = (port: number, more: Options = {}) => ({ host: '127.0.0.1', port, ...more })

/** An interceptor that ends every call with a status. */
const ending =
  (code: number, details = '', seen: (metadata: Metadata) => string = () => details): ServerInterceptor =>
  (_method, call) =>
    new ServerInterceptingCall(call, {
      start: next =>
        next({
          onReceiveMetadata: metadata => call.sendStatus({ code, details: seen(metadata) }),
        }),
    })

contract({
  kind: grpc,
  options: port => at(port),
  secretive: (port, secret) => ({
    ...at(port),
    metadata: { authorization: secret, 'token-bin': Buffer.from(secret).toString('base64') },
  }),
  real: () => serveHealth(),
  garbage: ['protocol_error'],
})

const stops: (() => Promise<void>)[] = []
const running = <T extends { stop(): Promise<void> }>(server: T): T => {
  stops.push(server.stop)
  return server
}
afterAll(() => Promise.all(stops.map(stop => stop())))

describe('the options', () => {
  const accepted = (options: Options) => optionsOf(grpc).safeParse(options).success
  const messages = (options: Options) =>
    optionsOf(grpc)
      .safeParse(options)
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)

  test.each<[Options, string]>([
    [{ url: 'grpc://orders:50051' }, 'orders:50051'],
    [{ url: 'grpcs://orders:443/' }, 'orders:443'],
    [{ host: '::1', port: 1, service: 'a.B' }, '[::1]:1/a.B'],
  ])('%j is shown as %s', (options, target) => {
    expect(grpc.target(parseOptions(grpc, options))).toBe(target)
  })

  test.each<[Options, string]>([
    [{ url: 'grpc://orders' }, 'url: the URL needs a port: grpc://host:port'],
    [
      { url: 'grpc://a:b@orders:1' },
      'url: the URL cannot have a user or a password; set credentials as metadata',
    ],
    [{ url: 'grpc://orders:1/a.B' }, 'url: nothing may follow the port; set the service as service'],
    [{ url: 'http://orders:1' }, 'url: expected a URL that starts with grpc:// or grpcs://'],
    [{ host: 'orders' }, 'port: required: a url, or host and port'],
    [at(1, { authority: 'a/b' }), 'authority: expected a host name, with or without a port'],
    [
      at(1, { metadata: { 'a b': '1' } }),
      'metadata.a b: a metadata key has letters, digits, "-", "_" and ".", and no spaces',
    ],
    [at(1, { metadata: { 'grpc-timeout': '1S' } }), 'metadata.grpc-timeout: this key cannot be set'],
    [at(1, { metadata: { TE: 'x' } }), 'metadata.TE: this key cannot be set'],
    [at(1, { metadata: { a: '1', A: '2' } }), 'metadata.A: this key is given twice'],
    [
      at(1, { metadata: { a: 'é' } }),
      'metadata.a: a metadata value has printable ASCII characters, and no space at either end',
    ],
    [
      at(1, { metadata: { a: 'b ' } }),
      'metadata.a: a metadata value has printable ASCII characters, and no space at either end',
    ],
    [
      at(1, { metadata: { 'a-bin': 'no base64' } }),
      'metadata.a-bin: the value of a key that ends in -bin must be base64',
    ],
    [
      at(1, { traceparent: true, metadata: { Traceparent: 'x' } }),
      'traceparent: traceparent is set as metadata too; remove one of them',
    ],
  ])('%j is refused', (options, message) => {
    expect(messages(options)).toEqual([message])
  })

  test('metadata may be binary, with padding or without', () => {
    for (const value of ['aGk=', 'aGk', 'aGkh', 'aA==', ''])
      expect(accepted(at(1, { metadata: { 'a-bin': value } })), value).toBe(true)
  })
})

describe('the health service of the gRPC authors', () => {
  test('SERVING is ok, and its numbers are told', async () => {
    const { port } = running(
      await serveHealth({ statuses: { '': 'SERVING', 'orders.v1.Orders': 'SERVING' } }),
    )
    const numbers = { status_code: 0, serving_status: 1 }
    expect(await check(grpc, { url: `grpc://127.0.0.1:${port}` })).toMatchObject({
      ok: true,
      measurements: numbers,
    })
    const service = 'orders.v1.Orders'
    const result = await check(grpc, at(port, { service }))
    expect(result).toMatchObject({ ok: true, measurements: numbers })
    expect(Object.keys(result.phases)).toEqual(['connect', 'request', 'transfer'])
  })

  test('a long name of a service arrives whole', async () => {
    const service = `ü${'x'.repeat(500)}`
    const { port } = running(await serveHealth({ statuses: { [service]: 'SERVING' } }))
    expect(await check(grpc, at(port, { service }))).toMatchObject({ ok: true })
  })

  test.each([
    ['NOT_SERVING', 2],
    ['UNKNOWN', 0],
  ] as const)('%s is its own detail', async (status, number) => {
    const { port } = running(await serveHealth({ statuses: { '': status } }))
    expect(await check(grpc, at(port))).toMatchObject({
      ok: false,
      reason: 'unhealthy',
      detail: status,
      message: `the status of the server is ${status}`,
      measurements: { status_code: 0, serving_status: number },
    })
  })

  test('a status that changes is seen by the next check', async () => {
    const { port, health } = running(await serveHealth())
    expect(await check(grpc, at(port))).toMatchObject({ ok: true })
    health.setStatus('', 'NOT_SERVING')
    expect(await check(grpc, at(port))).toMatchObject({ ok: false, detail: 'NOT_SERVING' })
  })

  test('a service that the server does not know is NOT_FOUND', async () => {
    const { port } = running(await serveHealth())
    const result = await check(grpc, at(port, { service: 'a.B' }))
    expect(result).toMatchObject({
      ok: false,
      reason: 'unhealthy',
      detail: 'NOT_FOUND',
      message:
        'the health check of service "a.B" ended with NOT_FOUND (5): Health status unknown for service a.B',
      measurements: { status_code: 5 },
    })
  })

  test('a server without the health service is UNIMPLEMENTED', async () => {
    const { port } = running(await serveGrpc(() => {}))
    expect(await check(grpc, at(port))).toMatchObject({
      ok: false,
      reason: 'protocol_error',
      detail: 'UNIMPLEMENTED',
      measurements: { status_code: 12 },
    })
  })

  const unhealthy = [
    'CANCELLED',
    'UNKNOWN',
    'INVALID_ARGUMENT',
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
    'OUT_OF_RANGE',
    'INTERNAL',
    'UNAVAILABLE',
    'DATA_LOSS',
  ].map(name => [name, 'unhealthy'])
  test.each([
    ...unhealthy,
    ['DEADLINE_EXCEEDED', 'timeout'],
    ['PERMISSION_DENIED', 'auth_error'],
    ['UNAUTHENTICATED', 'auth_error'],
    ['UNIMPLEMENTED', 'protocol_error'],
  ])('status %s is %s', async (name, reason) => {
    const interceptors = [ending(codes[name as 'OK'], 'tür zu 100%')]
    const { port } = running(await serveHealth({ interceptors }))
    expect(await check(grpc, at(port))).toMatchObject({
      ok: false,
      reason,
      detail: name,
      message: `the health check of the server ended with ${name} (${codes[name as 'OK']}): tür zu 100%`,
    })
  })

  test('metadata, authority and trace arrive', async () => {
    let seen = new Metadata()
    let host = ''
    const watch: ServerInterceptor = (_method, call) =>
      new ServerInterceptingCall(call, {
        start: next => {
          host = call.getHost()
          next({
            onReceiveMetadata: (metadata, next) => {
              seen = metadata.clone()
              next(metadata)
            },
          })
        },
      })
    const { port } = running(await serveHealth({ interceptors: [watch] }))
    const binary = Buffer.from([0, 255, 7, 1])
    const metadata = { Authorization: 'Bearer abc', 'key-bin': binary.toString('base64') }
    const result = await check(grpc, at(port, { metadata, authority: 'orders.example', traceparent: true }))
    expect(result).toMatchObject({ ok: true })
    expect(seen.get('authorization')).toEqual(['Bearer abc'])
    expect(seen.get('key-bin')).toEqual([binary])
    expect(seen.get('traceparent')).toEqual([expect.stringContaining(result.traceId ?? 'none')])
    expect(host).toBe('orders.example')
    await check(grpc, at(port))
    expect(host).toBe(`127.0.0.1:${port}`)
    expect(seen.get('traceparent')).toEqual([])
  })

  test('what the server says is not quoted where it was given metadata', async () => {
    const echo = ending(
      codes.UNAUTHENTICATED,
      '',
      metadata => `no user for ${metadata.get('authorization')[0]?.slice(7)}`,
    )
    const { port } = running(await serveHealth({ interceptors: [echo] }))
    const result = await check(grpc, at(port, { metadata: { authorization: 'Bearer hunter2' } }))
    expect(result).toMatchObject({ ok: false, reason: 'auth_error', detail: 'UNAUTHENTICATED' })
    expect(JSON.stringify(result)).not.toContain('hunter2')
  })
})

test('the call goes over the wire as gRPC has it', async () => {
  const calls: Http2Call['headers'][] = []
  const { port } = running(
    await serveHttp2(({ stream, headers }) => {
      calls.push(headers)
      stream.respond({ 'grpc-status': '12' }, { endStream: true })
    }),
  )
  const metadata = { Authorization: 'Bearer abc', 'key-bin': 'AP8=' }
  await check(grpc, at(port, { metadata }), 1_500)
  expect(calls).toEqual([
    {
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': `127.0.0.1:${port}`,
      ':path': '/grpc.health.v1.Health/Check',
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'pulsecheck',
      'grpc-timeout': '1500m',
      authorization: 'Bearer abc',
      'key-bin': 'AP8',
      [sensitiveHeaders]: ['authorization', 'key-bin'],
    },
  ])
})

describe('over TLS', () => {
  const authority = createAuthority()
  const good = authority.issue()
  const stranger = createAuthority('Stranger')
  afterAll(() => {
    authority.remove()
    stranger.remove()
  })
  const trust = { ca: authority.caPem }

  test.each<[string, (port: number) => Options]>([
    ['a grpcs:// URL', port => ({ url: `grpcs://127.0.0.1:${port}`, tls: trust })],
    ['a grpc:// URL and tls', port => ({ url: `grpc://127.0.0.1:${port}`, tls: trust })],
    ['fields and tls', port => at(port, { tls: trust })],
  ])('%s', async (_what, options) => {
    const { port } = running(await serveHealth({ credentials: createCredentials(good) }))
    const result = await check(grpc, options(port))
    expect(result).toMatchObject({ ok: true })
    expect(Object.keys(result.phases)).toEqual(['connect', 'tls', 'request', 'transfer'])
    expect(result.measurements.tls_not_after_timestamp_seconds).toBeGreaterThan(Date.now() / 1_000)
  })

  test('a grpcs:// URL alone verifies against the system', async () => {
    const { port } = running(await serveHealth({ credentials: createCredentials(good) }))
    expect(await check(grpc, { url: `grpcs://127.0.0.1:${port}` })).toMatchObject({
      reason: 'tls_error',
      detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
  })

  const mine = authority.issue({ commonName: 'pulsecheck' })
  const other = stranger.issue()
  const clients: Readonly<Record<string, Options>> = {
    none: {},
    stranger: { cert: other.certPem, key: other.keyPem },
    mine: { cert: mine.certPem, key: mine.keyPem },
  }
  const refused = (detail: string) => ({ ok: false, reason: 'auth_error', detail })

  test('a client certificate is presented where one is asked for', async () => {
    const { port } = running(await serveHealth({ credentials: createCredentials(good, authority.caPem) }))
    const result = (name: string) => check(grpc, at(port, { tls: { ...trust, ...clients[name] } }))
    expect(await result('mine')).toMatchObject({ ok: true })
    expect(await result('none')).toMatchObject(refused('certificate_required'))
    // Node's server sends no alert for a certificate that it does not trust.
    expect(await result('stranger')).toMatchObject({ ok: false, detail: 'closed_early' })
  })

  test.each(['-tls1_2', '-tls1_3'])('an alert after the handshake of %s is told', async version => {
    const demand = ['-Verify', '1', '-verify_return_error', '-CAfile', authority.caFile]
    const { port } = running(await serveOpenssl(good, version, '-alpn', 'h2', ...demand))
    const result = (name: string) => check(grpc, at(port, { tls: { ...trust, ...clients[name] } }))
    expect(await result('none')).toMatchObject(refused('certificate_required'))
    expect(await result('stranger')).toMatchObject(refused('tls_alert_unknown_ca'))
  })

  test('a server that does not agree on HTTP/2 is protocol_error', async () => {
    const { port } = running(await serveOpenssl(good))
    expect(await check(grpc, at(port, { tls: trust }))).toMatchObject({
      ok: false,
      reason: 'protocol_error',
      detail: 'protocol_error',
      message: 'the server did not agree on HTTP/2 in the TLS handshake (ALPN)',
    })
  })

  test('plain text on the port is tls_error, and TLS where plain text is asked for does not pass', async () => {
    const plain = running(await serveHealth())
    expect(await check(grpc, at(plain.port, { tls: trust }))).toMatchObject({
      ok: false,
      reason: 'tls_error',
    })
    const secure = running(await serveHealth({ credentials: createCredentials(good) }))
    const result = await check(grpc, at(secure.port))
    expect(result).toMatchObject({ ok: false })
    expect(['protocol_error', 'connection_error']).toContain(result.ok ? '' : result.reason)
  })
})
