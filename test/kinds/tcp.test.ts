import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tcp } from '../../src/kinds/tcp.ts'
import { dependencySchema } from '../../src/settings.ts'
import { createAuthority } from '../support/certificates.ts'
import { check, type Options } from '../support/check.ts'
import { type ByteServer, listening, serve, until } from '../support/net.ts'
import { serveOpenssl } from '../support/tls.ts'
import { contract } from './contract.ts'

contract({
  kind: tcp,
  options: port => ({ host: '127.0.0.1', port, send: 'PING\r\n', expect: { matches: '^\\+PONG' } }),
  secretive: (port, secret) => ({
    host: '127.0.0.1',
    port,
    send: secret,
    expect: { contains: 'never said' },
  }),
  real: async () => {
    const server = await serve(socket => socket.on('data', () => socket.end('+PONG\r\n')))
    return { port: server.port, stop: server.close }
  },
  garbage: ['unhealthy'],
})

describe('tcp', () => {
  let banner: ByteServer
  beforeAll(async () => {
    banner = await serve(socket => {
      socket.write('220 mail.exa')
      setImmediate(() => socket.write('mple ESMTP\r\n'))
    })
  })
  afterAll(() => banner.close())

  test('a connection alone is enough without expect', async () => {
    expect(await check(tcp, { url: `tcp://127.0.0.1:${banner.port}` })).toMatchObject({ ok: true })
  })

  test('what the server says may come in pieces', async () => {
    const expectation = { contains: 'example', matches: 'ESMTP\\r\\n$' }
    expect(await check(tcp, { host: '127.0.0.1', port: banner.port, expect: expectation })).toMatchObject({
      ok: true,
    })
  })

  test('what never comes is a timeout in phase transfer', async () => {
    const result = await check(
      tcp,
      { host: '127.0.0.1', port: banner.port, expect: { contains: 'HTTP' } },
      200,
    )
    expect(result).toMatchObject({
      ok: false,
      reason: 'timeout',
      message: expect.stringContaining('transfer'),
    })
  })

  test('an answer beyond 64 KiB is body_too_large', async () => {
    const wordy = await serve(socket => socket.write(Buffer.alloc(200_000, 'x')))
    const result = await check(tcp, { host: '127.0.0.1', port: wordy.port, expect: { contains: 'y' } })
    expect(result).toMatchObject({ ok: false, reason: 'protocol_error', detail: 'body_too_large' })
    await wordy.close()
  })

  test.each([
    [{}, 'required: a url, or host and port'],
    [{ host: 'db' }, 'required: a url, or host and port'],
    [{ url: 'tcp://db:1', port: 1 }, 'give either url or port, not both'],
    [{ url: 'tcp://db' }, 'the URL needs a port: tcp://host:port'],
    [{ url: 'http://db:1' }, 'expected a URL that starts with tcp:// or tls://'],
    [{ host: 'db', port: 70_000 }, 'Too big: expected number to be <=65535'],
    [
      { host: 'db', port: 1, expect: { matches: '(a)\\1' } },
      'invalid pattern (RE2 syntax): invalid escape sequence: `\\1`',
    ],
  ])('refuses %j', (options, message) => {
    const parsed = dependencySchema(tcp).safeParse(options)
    expect(parsed.error?.issues.map(issue => issue.message)).toContain(message)
  })

  test.each([
    [{ url: 'tcp://cache:6379' }, 'cache:6379'],
    [{ url: 'tls://user:pass@[::1]:6379' }, '[::1]:6379'],
    [{ host: '[::1]', port: 1 }, '[::1]:1'],
  ])('prints %j as %s', (options, target) => {
    expect(tcp.target(tcp.options.parse(options))).toBe(target)
  })
})

describe('tcp over TLS', () => {
  const authority = createAuthority()
  const good = authority.issue()
  const expired = authority.issue({ expired: true })
  const sockets = new Set<TLSSocket>()
  const servers: Server[] = []
  const secure = async ({ certPem, keyPem }: { certPem: string; keyPem: string }) => {
    const server = createServer({ cert: certPem, key: keyPem }, socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.on('error', () => {}).end('220 ready\r\n')
    })
    servers.push(server.on('tlsClientError', () => {}))
    return await listening(server)
  }
  afterAll(() => {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
    authority.remove()
  })

  test.each<[string, (port: number) => Options]>([
    ['a tls:// URL', port => ({ url: `tls://127.0.0.1:${port}`, tls: { ca: authority.caPem } })],
    ['a tcp:// URL and tls', port => ({ url: `tcp://127.0.0.1:${port}`, tls: { ca: authority.caPem } })],
    ['fields and tls', port => ({ host: 'localhost', port, tls: { ca: authority.caPem } })],
  ])('%s: what the server says comes through', async (_what, options) => {
    const port = await secure(good)
    const result = await check(tcp, { ...options(port), expect: { contains: 'ready' } })
    expect(result).toMatchObject({ ok: true })
    expect(result.phases.tls).toBeGreaterThan(0)
    expect(result.measurements.tls_not_after_timestamp_seconds).toBeGreaterThan(Date.now() / 1_000)
    await until(() => sockets.size === 0, 'the connection is gone')
  })

  test('a tls:// URL alone verifies against the system', async () => {
    const result = await check(tcp, { url: `tls://127.0.0.1:${await secure(good)}` })
    expect(result).toMatchObject({ reason: 'tls_error', detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  })

  test('an expired certificate is tls_error, and its expiry is told', async () => {
    const result = await check(tcp, {
      url: `tls://127.0.0.1:${await secure(expired)}`,
      tls: { ca: authority.caPem },
    })
    expect(result).toMatchObject({ ok: false, reason: 'tls_error', detail: 'CERT_HAS_EXPIRED' })
    expect(result.measurements.tls_not_after_timestamp_seconds).toBeLessThan(Date.now() / 1_000)
  })

  test.each([
    ['that never finishes', () => {}],
    [
      'that drips',
      (socket: Socket) => {
        const timer = setInterval(() => socket.write('\x16'), 20)
        socket.once('close', () => clearInterval(timer))
      },
    ],
  ])('a handshake %s ends at the deadline or before', async (_what, talk) => {
    const slow = await serve(talk)
    const result = await check(tcp, { url: `tls://127.0.0.1:${slow.port}` }, 200)
    expect(result.ok ? 'ok' : result.reason).toMatch(/^(timeout|tls_error)$/)
    expect(result.durationMs).toBeLessThanOrEqual(200)
    await until(() => slow.open.size === 0, 'the connection is gone')
    await slow.close()
  })

  test('a client certificate that is demanded and absent is auth_error', async () => {
    const strict = await serveOpenssl(
      good,
      '-Verify',
      '1',
      '-verify_return_error',
      '-CAfile',
      authority.caFile,
    )
    const given = {
      url: `tls://127.0.0.1:${strict.port}`,
      send: 'GET / HTTP/1.0\r\n\r\n',
      expect: { contains: 'HTTP' },
    }
    expect(await check(tcp, { ...given, tls: { ca: authority.caPem } })).toMatchObject({
      reason: 'auth_error',
      detail: 'certificate_required',
    })
    const tls = { ca: authority.caPem, cert: good.certPem, key: good.keyPem }
    expect(await check(tcp, { ...given, tls })).toMatchObject({ ok: true })
    await strict.stop()
  })
})
