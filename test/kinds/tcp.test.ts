import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tcp } from '../../src/kinds/tcp.ts'
import { dependencySchema } from '../../src/model/definition.ts'
import { createAuthority } from '../support/certificates.ts'
import { check, type Options, parseOptions, startCheck } from '../support/check.ts'
import { type ByteServer, listen, serve, until } from '../support/net.ts'
import { type OpensslServer, serveOpenssl } from '../support/tls.ts'
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

  test('another answer on a connection that stays open is body_mismatch at the deadline', async () => {
    const options = { host: '127.0.0.1', port: banner.port, expect: { contains: 'HTTP' } }
    expect(await check(tcp, options, 200)).toMatchObject({
      ok: false,
      reason: 'unhealthy',
      detail: 'body_mismatch',
      message: 'the server said "220 mail.example ESMTP\\r\\n", which is not what is expected',
    })
  })

  test.each([
    ['long', 'x'.repeat(500), 'send me', `"${'x'.repeat(79)}…"`],
    ['not printable', '\u001b[2J\0', 'send me', '"\\u001b[2J\\u0000"'],
    ['an echo', 'ERR unknown AUTH hunter2.', 'AUTH hunter2\r\n', '"ERR unknown <secret> <secret>."'],
    ['part of an echo', 'ERR for app:hunter', 'AUTH app:hunter2\r\n', '"ERR for <secret>"'],
  ])('an answer that is %s is quoted short and without what was sent', async (_what, said, send, quoted) => {
    const other = await serve(socket => socket.end(said))
    const options = { host: '127.0.0.1', port: other.port, send, expect: { contains: 'welcome' } }
    expect(await check(tcp, options)).toMatchObject({
      detail: 'body_mismatch',
      message: `the server said ${quoted}, which is not what is expected`,
    })
    await other.close()
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
    [
      { url: 'tcp://user:word@db:1' },
      'the URL cannot have a user or a password; put a login that the server expects into send',
    ],
    [
      { url: 'tls://user@db:1' },
      'the URL cannot have a user or a password; put a login that the server expects into send',
    ],
    [{ url: 'http://db:1' }, 'expected a URL that starts with tcp:// or tls://'],
    [{ host: 'db', port: 70_000 }, 'Too big: expected number to be <=65535'],
    [
      { host: 'db', port: 1, settle: '1s', expect: { contains: 'a' } },
      'settle is for checks without expect; remove one of them',
    ],
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
    [{ url: 'tls://[::1]:6379' }, '[::1]:6379'],
    [{ host: '[::1]', port: 1 }, '[::1]:1'],
  ])('prints %j as %s', (options, target) => {
    expect(tcp.target(parseOptions(tcp, options))).toBe(target)
  })
})

describe('a connection without expect', () => {
  const servers: ByteServer[] = []
  afterAll(() => Promise.all(servers.map(one => one.close())))
  const server = async (talk: (socket: Socket) => void) => {
    const one = await serve(talk)
    servers.push(one)
    return one
  }
  const at = ({ port }: ByteServer, more: Options = {}) => ({ host: '127.0.0.1', port, ...more })

  test.each<[string, (socket: Socket) => void, string]>([
    ['closes', socket => socket.end(), 'closed_early'],
    ['closes a moment later', socket => setImmediate(() => socket.end()), 'closed_early'],
    ['resets', socket => socket.resetAndDestroy(), 'ECONNRESET'],
  ])('is down where the server accepts and %s', async (_what, talk, detail) => {
    const result = await check(tcp, at(await server(talk)))
    expect(result).toMatchObject({ ok: false, reason: 'connection_error', detail })
  })

  test('stays open for the settling time, which is no part of connecting', async () => {
    const result = await check(tcp, at(await server(() => {}), { settle: '50ms' }))
    expect(result).toMatchObject({ ok: true })
    expect(result.phases.transfer).toBeGreaterThanOrEqual(49)
    expect(Object.keys(result.phases)).toEqual(['connect', 'transfer'])
  })

  test('is up at once when the server speaks', async () => {
    const result = await check(tcp, at(await server(socket => socket.write('hi')), { settle: '1m' }), 20_000)
    expect(result).toMatchObject({ ok: true })
    expect(result.durationMs).toBeLessThan(10_000)
  })

  test('is up although the timeout is shorter than the settling time', async () => {
    expect(await check(tcp, at(await server(() => {}), { settle: '1m' }), 500)).toMatchObject({ ok: true })
  })

  test('is not waited for with settle: 0', async () => {
    const result = await check(tcp, at(await server(socket => socket.end()), { settle: '0' }))
    expect(result).toMatchObject({ ok: true })
    expect(Object.keys(result.phases)).toEqual(['connect'])
  })

  test('ends with the check', async () => {
    const silent = await server(() => {})
    const running = startCheck(tcp, at(silent, { settle: '1m' }), 60_000)
    await until(() => silent.open.size === 1, 'the check is connected')
    running.abort()
    await running.settled
    await until(() => silent.open.size === 0, 'the connection is gone')
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
    return await listen(server)
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

  test('a server that closes after the handshake is down', async () => {
    const server = createServer({ cert: good.certPem, key: good.keyPem }, socket => socket.end())
    servers.push(server)
    const options = { url: `tls://127.0.0.1:${await listen(server)}`, tls: { ca: authority.caPem } }
    expect(await check(tcp, options)).toMatchObject({ ok: false, detail: 'closed_early' })
  })

  describe.each(['-tls1_2', '-tls1_3'])('where %s demands a client certificate', version => {
    const stranger = createAuthority('Stranger')
    let strict: OpensslServer
    beforeAll(async () => {
      const demand = ['-Verify', '1', '-verify_return_error', '-CAfile', authority.caFile]
      strict = await serveOpenssl(good, version, ...demand)
    })
    afterAll(async () => {
      await strict.stop()
      stranger.remove()
    })
    const refused = (detail: string) => ({ ok: false, reason: 'auth_error', detail })
    const clients = { none: undefined, good, expired, stranger: stranger.issue() }
    const asks = { send: 'GET / HTTP/1.0\r\n\r\n', expect: { contains: 'HTTP' } }

    test.each<[keyof typeof clients, object]>([
      ['none', refused('certificate_required')],
      ['stranger', refused('tls_alert_unknown_ca')],
      ['expired', refused('tls_alert_certificate_expired')],
      ['good', { ok: true }],
    ])('the certificate %s, with and without expect', async (name, outcome) => {
      const client = clients[name]
      const own = client && { cert: client.certPem, key: client.keyPem }
      const given = { url: `tls://127.0.0.1:${strict.port}`, tls: { ca: authority.caPem, ...own } }
      for (const options of [given, { ...given, ...asks }]) {
        const result = await check(tcp, options)
        expect(result).toMatchObject(outcome)
        expect(JSON.stringify(result)).not.toMatch(/openssl|error:/)
      }
    })
  })
})
