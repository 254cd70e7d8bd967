import { X509Certificate } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { http } from '../../../src/kinds/http/http.ts'
import { dependencySchema, optionsOf } from '../../../src/model/definition.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options, parseOptions } from '../../support/check.ts'
import { type HttpServer, type ReceivedRequest, serveAfterHead, serveHttp } from '../../support/http.ts'
import { closedPort, serve, until } from '../../support/net.ts'
import { serveOpenssl } from '../../support/tls.ts'
import { contract } from '../contract.ts'

contract({
  kind: http,
  options: port => ({ url: `http://127.0.0.1:${port}/health`, expect: { json: { status: 'ok' } } }),
  real: () => serveHttp((_request, response) => response.end('{"status":"ok"}')),
  garbage: ['protocol_error'],
  secretive: (port, secret) => ({
    url: `http://user:${encodeURIComponent(secret)}@127.0.0.1:${port}/?token=${encodeURIComponent(secret)}`,
    headers: { 'x-api-key': secret },
    body: secret,
    method: 'POST',
    expect: { status: [204] },
  }),
})

let server: HttpServer
type Route = (request: ReceivedRequest, response: ServerResponse) => void
const routes: Record<string, Route> = {
  '/ok': (_request, response) => response.setHeader('x-version', 'v2.1').end('all is well'),
  '/json': (_request, response) => response.end(document),
  '/html': (_request, response) => response.end('<html>please log in</html>'),
  '/empty': (_request, response) => response.end(),
}
const document = JSON.stringify({
  status: 'ok',
  ready: true,
  checks: [
    { name: 'db', up: 1 },
    { name: 'cache', up: 0 },
  ],
  'a.b': { c: null },
  'quo"te': 1,
  zero: 0,
  negativeZero: 0,
}).replace('"negativeZero":0', '"negativeZero":-0')

beforeAll(async () => {
  server = await serveHttp((request, response) => {
    const path = request.url.split('?')[0] ?? ''
    const status = /^\/status\/(\d+)$/.exec(path)?.[1]
    if (status) response.writeHead(Number(status), { 'retry-after': '60' }).end('a body that is not shown')
    else (routes[path] ?? ((_request, response) => response.writeHead(404).end()))(request, response)
  })
})
afterAll(() => server.stop())

const ask = (path: string, options: Options = {}, timeoutMs?: number) =>
  check(http, { url: `${server.url}${path}`, ...options }, timeoutMs)

describe('expectations', () => {
  test.each<[string, Options]>([
    ['/ok', {}],
    ['/status/204', {}],
    ['/status/503', { expect: { status: [200, '500-599'] } }],
    ['/status/401', { expect: { status: ['401'] } }],
    ['/status/302', { expect: { status: [302] } }],
    ['/status/302', { expect: { status: [302] }, followRedirects: true }],
    ['/ok', { expect: { headers: { 'X-Version': '^v2\\.' } } }],
    ['/ok', { expect: { body: { contains: 'is well', matches: '^all' } } }],
    ['/ok', { method: 'HEAD', expect: { headers: { 'x-version': '' } } }],
    ['/json', { expect: { json: { status: 'ok', ready: true } } }],
    ['/json', { expect: { json: { 'checks[1].name': 'cache', 'checks.0.up': 1 } } }],
    ['/json', { expect: { json: { 'checks[0]': { up: 1, name: 'db' } } } }],
    ['/json', { expect: { json: { zero: 0, negativeZero: 0, 'checks[1].up': -0 } } }],
    ['/json', { expect: { json: { '["a.b"].c': null, '["a.b"]': { c: null }, '["quo\\"te"]': 1 } } }],
  ])('%s meets %j', async (path, options) => {
    expect(await ask(path, options)).toMatchObject({ ok: true })
  })

  test.each<[string, Options, string, string, string]>([
    ['/status/500', {}, 'unhealthy', 'http_500', 'status 500, expected 200-299'],
    ['/status/429', {}, 'unhealthy', 'http_429', 'status 429, expected 200-299'],
    ['/status/503', {}, 'unhealthy', 'http_503', 'status 503, expected 200-299'],
    ['/status/302', {}, 'unhealthy', 'http_302', 'status 302, expected 200-299'],
    ['/status/401', {}, 'auth_error', 'http_401', 'status 401, expected 200-299'],
    ['/status/403', {}, 'auth_error', 'http_403', 'status 403, expected 200-299'],
    ['/status/407', {}, 'auth_error', 'http_407', 'status 407, expected 200-299'],
    [
      '/ok',
      { expect: { status: [204, '300-399'] } },
      'unhealthy',
      'http_200',
      'status 200, expected 204, 300-399',
    ],
    [
      '/ok',
      { expect: { headers: { 'x-none': '' } } },
      'unhealthy',
      'header_mismatch',
      'header x-none is missing',
    ],
    [
      '/ok',
      { expect: { headers: { 'x-version': '^v3' } } },
      'unhealthy',
      'header_mismatch',
      'header x-version does not match ^v3',
    ],
    [
      '/html',
      { expect: { body: { contains: 'well' } } },
      'unhealthy',
      'body_mismatch',
      'the body is not what is expected',
    ],
    [
      '/ok',
      { expect: { body: { matches: '^well' } } },
      'unhealthy',
      'body_mismatch',
      'the body is not what is expected',
    ],
    ['/html', { expect: { json: { status: 'ok' } } }, 'unhealthy', 'json_mismatch', 'the body is not JSON'],
    ['/empty', { expect: { json: { status: 'ok' } } }, 'unhealthy', 'json_mismatch', 'the body is not JSON'],
    [
      '/json',
      { expect: { json: { status: 'up' } } },
      'unhealthy',
      'json_mismatch',
      'in the body, status is not "up"',
    ],
    [
      '/json',
      { expect: { json: { ready: 'true' } } },
      'unhealthy',
      'json_mismatch',
      'in the body, ready is not "true"',
    ],
    [
      '/json',
      { expect: { json: { 'checks[2].up': 1 } } },
      'unhealthy',
      'json_mismatch',
      'the body has no checks[2].up',
    ],
    [
      '/json',
      { expect: { json: { 'checks[0]': { up: 1 } } } },
      'unhealthy',
      'json_mismatch',
      'in the body, checks[0] is not {"up":1}',
    ],
    [
      '/json',
      { expect: { json: { checks: { 0: { name: 'db', up: 1 }, 1: { name: 'cache', up: 0 } } } } },
      'unhealthy',
      'json_mismatch',
      'in the body, checks is not {"0":{"name":"db","up":1},"1":{"name":"cache","up":0}}',
    ],
    [
      '/json',
      { expect: { json: { '["a.b"]': { toString: null } } } },
      'unhealthy',
      'json_mismatch',
      'in the body, ["a.b"] is not {"toString":null}',
    ],
    [
      '/json',
      { expect: { json: { 'checks.length': 2 } } },
      'unhealthy',
      'json_mismatch',
      'the body has no checks.length',
    ],
    [
      '/json',
      { expect: { json: { 'constructor.name': 'Object' } } },
      'unhealthy',
      'json_mismatch',
      'the body has no constructor.name',
    ],
  ])('%s fails %j', async (path, options, reason, detail, message) => {
    expect(await ask(path, options)).toMatchObject({ ok: false, reason, detail, message })
  })
})

describe('the request', () => {
  const last = () => server.requests.at(-1)!

  test('is what the options say, on a connection of its own that is closed', async () => {
    await ask('/ok?a=1', {
      method: 'POST',
      headers: { Host: 'api.example', 'X-Key': 'k', 'User-Agent': 'mine', 'content-type': 'text/plain' },
      body: 'hällo',
    })
    expect(last()).toMatchObject({ method: 'POST', url: '/ok?a=1', body: 'hällo' })
    expect(last().headers).toEqual({
      host: 'api.example',
      'x-key': 'k',
      'user-agent': 'mine',
      accept: '*/*',
      connection: 'close',
      'content-type': 'text/plain',
      'content-length': '6',
    })
  })

  test.each<[string, (url: string) => Options, string]>([
    ['the URL', url => ({ url: url.replace('//', '//us%40er:p%3Aw@') }), basicOf('us@er:p:w')],
    ['the URL, a user alone', url => ({ url: url.replace('//', '//token@') }), basicOf('token:')],
    ['basicAuth', url => ({ url, basicAuth: { username: 'user', password: 'päss' } }), basicOf('user:päss')],
    ['bearerToken', url => ({ url, bearerToken: 'abc.def' }), 'Bearer abc.def'],
  ])('sends credentials from %s', async (_from, options, authorization) => {
    expect(await check(http, options(`${server.url}/ok`))).toMatchObject({ ok: true })
    expect(last().headers.authorization).toBe(authorization)
  })

  test('sends a traceparent only if asked, and the result keeps its trace id', async () => {
    const traced = await ask('/ok', { traceparent: true })
    expect(last().headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(traced.traceId).toBe(String(last().headers.traceparent).split('-')[1])
    expect((await ask('/ok')).traceId).toBeUndefined()
    expect(last().headers).not.toHaveProperty('traceparent')
  })

  test('tells its phases, the status and the size of the body', async () => {
    const result = await check(http, { url: `http://localhost:${server.port}/ok` })
    expect(Object.keys(result.phases)).toEqual(['dns', 'connect', 'request', 'transfer'])
    expect(result.measurements).toEqual({ status_code: 200, body_bytes: 11 })
  })

  test('tells the status of a failure as well', async () => {
    expect((await ask('/status/503')).measurements).toEqual({ status_code: 503 })
  })

  test('heeds no proxy of the environment', async () => {
    const proxy = `http://127.0.0.1:${await closedPort()}`
    const saved = { ...process.env }
    Object.assign(process.env, {
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      ALL_PROXY: proxy,
      NODE_USE_ENV_PROXY: '1',
    })
    try {
      expect(await ask('/ok')).toMatchObject({ ok: true })
    } finally {
      process.env = saved
    }
  })
})

function basicOf(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

describe('redirects', () => {
  let other: HttpServer
  const to =
    (status: number, location: string): Route =>
    (_request, response) =>
      response.writeHead(status, { location }).end()
  beforeAll(async () => {
    other = await serveHttp((_request, response) => response.end('elsewhere'))
    const redirecting: Record<string, Route> = {
      '/here': to(302, '/ok'),
      '/see-other': to(303, 'ok'),
      '/kept': to(307, '/ok'),
      '/five': to(302, '/four'),
      '/four': to(302, '/three'),
      '/three': to(302, '/two'),
      '/two': to(302, '/here'),
      '/six': to(302, '/five'),
      '/loop': to(301, '/loop'),
      '/with-user': to(302, `http://thief:pass@127.0.0.1:${server.port}/ok`),
      '/other-port': to(302, other.url),
      '/other-host': to(302, `//localhost:${server.port}/ok`),
      '/other-host-secure': to(302, 'https://localhost/ok'),
      '/metadata': to(302, 'http://169.254.169.254/latest/meta-data'),
      '/file': to(302, 'file:///etc/passwd'),
      '/nonsense': to(302, 'http://['),
      '/nowhere': (_request, response) => response.writeHead(302).end(),
    }
    Object.assign(routes, redirecting)
  })
  afterAll(() => other.stop())

  test.each([
    ['/here', 'GET', 'GET'],
    ['/here', 'POST', 'GET'],
    ['/here', 'PUT', 'PUT'],
    ['/see-other', 'PUT', 'GET'],
    ['/see-other', 'HEAD', 'HEAD'],
    ['/kept', 'POST', 'POST'],
    ['/five', 'GET', 'GET'],
    ['/with-user', 'GET', 'GET'],
  ])('%s with %s arrives as %s, with its credentials', async (path, method, arrives) => {
    const options = {
      method,
      followRedirects: true,
      headers: { authorization: 'mine', 'content-type': 'a/b' },
    }
    expect(await ask(path, method === 'POST' ? { ...options, body: 'b' } : options)).toMatchObject({
      ok: true,
    })
    const { headers, ...arrived } = server.requests.at(-1)!
    const keeps = method === 'POST' && arrives === 'POST'
    expect(arrived).toEqual({ method: arrives, url: '/ok', body: keeps ? 'b' : '' })
    expect(headers.authorization).toBe('mine')
    expect('content-type' in headers).toBe(method === arrives)
  })

  test.each([
    '/six',
    '/loop',
    '/other-port',
    '/other-host',
    '/other-host-secure',
    '/metadata',
    '/file',
    '/nonsense',
  ])('%s is redirect_blocked', async path => {
    const result = await ask(path, { followRedirects: true, bearerToken: 'mine' })
    expect(result).toMatchObject({ ok: false, reason: 'unhealthy', detail: 'redirect_blocked' })
    expect(other.requests).toEqual([])
  })

  test('the message says what is wrong', async () => {
    expect(await ask('/loop', { followRedirects: true })).toMatchObject({
      message: 'redirected more than 5 times',
    })
    expect(await ask('/file', { followRedirects: true })).toMatchObject({
      message: 'a redirect to another origin is not followed',
    })
  })

  test('a redirect without a location is a bad status', async () => {
    expect(await ask('/nowhere', { followRedirects: true })).toMatchObject({ detail: 'http_302' })
  })
})

describe('bodies', () => {
  const zeros = Buffer.alloc(200 * 2 ** 20)
  const codings = {
    gzip: gzipSync,
    'x-gzip': gzipSync,
    deflate: deflateSync,
    br: (data: string | Buffer) =>
      brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    zstd: zstdCompressSync,
  }
  const answer =
    (body: Buffer, headers: Record<string, string>): Route =>
    (_request, response) =>
      response.writeHead(200, headers).end(body)

  test.each(Object.entries(codings))('decodes %s, piece by piece', async (coding, compress) => {
    const text = JSON.stringify({ status: 'ok', filler: Array.from({ length: 20_000 }, (_, i) => i) })
    const packed = compress(text)
    routes['/packed'] = (_request: ReceivedRequest, response: ServerResponse): void => {
      response.writeHead(200, { 'content-encoding': coding.toUpperCase() })
      response.write(packed.subarray(0, 10))
      setImmediate(() => response.end(packed.subarray(10)))
    }
    const result = await ask('/packed', { expect: { json: { status: 'ok', 'filler[19999]': 19_999 } } })
    expect(result).toMatchObject({ ok: true, measurements: { body_bytes: text.length } })
  })

  test.each(Object.entries(codings))(
    'a bomb in %s is body_too_large, and costs no memory',
    async (coding, compress) => {
      const bomb = compress(zeros)
      routes['/bomb'] = answer(bomb, { 'content-encoding': coding })
      await ask('/bomb')
      const before = process.memoryUsage().rss
      const result = await ask('/bomb')
      expect(result).toMatchObject({ ok: false, reason: 'protocol_error', detail: 'body_too_large' })
      // The server and its garbage live in this process too; a decoded bomb would be 200 MiB.
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20)
    },
  )

  test.each<[string, Buffer, Record<string, string>]>([
    ['not gzip at all', Buffer.from('plain'), { 'content-encoding': 'gzip' }],
    ['gzip cut off', gzipSync('all is well').subarray(0, 15), { 'content-encoding': 'gzip' }],
    ['an unknown coding', Buffer.from('?'), { 'content-encoding': 'compress' }],
    ['two codings', gzipSync(gzipSync('x')), { 'content-encoding': 'gzip, gzip' }],
    ['a coding named like a method of every object', Buffer.from('?'), { 'content-encoding': 'constructor' }],
  ])('%s is protocol_error', async (_what, body, headers) => {
    routes['/broken'] = answer(body, headers)
    expect(await ask('/broken')).toMatchObject({
      ok: false,
      reason: 'protocol_error',
      detail: 'protocol_error',
    })
  })

  test.each([
    [11, { ok: true }],
    [10, { ok: false, reason: 'protocol_error', detail: 'body_too_large' }],
  ])('a body of 11 bytes against a cap of %i', async (maxBodyBytes, outcome) => {
    expect(await ask('/ok', { maxBodyBytes })).toMatchObject(outcome)
    expect(await ask('/ok', { maxBodyBytes, method: 'HEAD' })).toMatchObject({ ok: true })
  })

  test.each<[string, number, Options]>([
    ['expect.body.matches', 256, { body: { matches: '^ *$' } }],
    ['expect.json', 512, { json: { '["a b"]': 1 } }],
    ['expect.body.contains', 2_048, { body: { contains: ' ' } }],
  ])(
    'a body larger than %s can judge quickly is not read, whatever the cap',
    async (_key, kib, expectation) => {
      const text = kib === 512 ? '{"a b":1}' : ' '
      const [most, maxBodyBytes] = [kib * 1_024, kib > 1_024 ? kib * 1_024 : undefined]
      const options = { expect: expectation, ...(maxBodyBytes && { maxBodyBytes }) }
      for (const [size, outcome] of [
        [most, { ok: true }],
        [most + 1, { ok: false, detail: 'body_too_large' }],
      ] as const) {
        routes['/long'] = answer(Buffer.from(text.padEnd(size)), {})
        expect(await ask('/long', options)).toMatchObject(outcome)
      }
      const issues = dependencySchema(http).safeParse({ url: 'http://a', ...options, maxBodyBytes: most + 1 })
      expect(issues.error?.issues).toMatchObject([
        { path: ['maxBodyBytes'], message: expect.stringContaining(`at most ${most} with this expectation`) },
      ])
    },
  )

  test.each<[string, Buffer, Options, object]>([
    ['invalid UTF-8 and NUL', Buffer.from([0xff, 0, 0x6f, 0x6b]), { body: { contains: 'ok' } }, { ok: true }],
    ['a byte order mark', Buffer.from('\ufeff{"status":1}'), { json: { status: 1 } }, { ok: true }],
    [
      '100,000 levels of JSON',
      Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)),
      { json: { '[0][0]': [] } },
      { detail: 'json_mismatch' },
    ],
    [
      'JSON with __proto__',
      Buffer.from('{"__proto__":{"status":"ok"}}'),
      { json: { status: 'ok' } },
      { detail: 'json_mismatch' },
    ],
    [
      'JSON with __proto__, asked for',
      Buffer.from('{"__proto__":{"status":"ok"}}'),
      { json: { '__proto__.status': 'ok' } },
      { ok: true },
    ],
    [
      'a regex that backtracks elsewhere',
      Buffer.from(`${'a'.repeat(2 ** 18 - 1)}!`),
      { body: { matches: '^(a+)+$' } },
      { detail: 'body_mismatch' },
    ],
  ])('%s', async (_what, body, expectation, outcome) => {
    routes['/odd'] = answer(body, {})
    expect(await ask('/odd', { expect: expectation })).toMatchObject(outcome)
    expect(({} as { status?: string }).status).toBeUndefined()
  })
})

describe('hostile servers', () => {
  const endless = (chunk: string) => (socket: Socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pour)
    pour()
  }
  const drip = (first: string, byte: string) => (socket: Socket) => {
    socket.write(first)
    const timer = setInterval(() => socket.write(byte), 20)
    socket.once('close', () => clearInterval(timer))
  }
  const ok = 'HTTP/1.1 200 OK\r\n'
  const timeout = { reason: 'timeout', detail: 'timeout', durationMs: 200 }
  const nonsense = { reason: 'protocol_error', detail: 'protocol_error' }
  const cutOff = { reason: 'connection_error', detail: 'closed_early' }

  test.each<[string, (socket: Socket) => void, { durationMs?: number; [key: string]: unknown }]>([
    [
      'a slow body',
      drip(`${ok}content-length: 1000\r\n\r\n`, 'x'),
      { ...timeout, message: expect.stringContaining('transfer') },
    ],
    ['slow headers', drip(ok, 'x'), { ...timeout, message: expect.stringContaining('request') }],
    [
      'endless early hints',
      drip(ok.replace('200 OK', '103 Early Hints\r\n'), 'HTTP/1.1 103 Early Hints\r\n\r\n'),
      timeout,
    ],
    ['a flood of early hints', endless('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000)), timeout],
    [
      'a megabyte of headers',
      endless(`${ok}x: ${'y'.repeat(2 ** 20)}`),
      { reason: 'protocol_error', detail: 'UND_ERR_HEADERS_OVERFLOW' },
    ],
    [
      'endless headers',
      socket => socket.write(ok) && endless('a: b\r\n')(socket),
      { reason: 'protocol_error', detail: 'UND_ERR_HEADERS_OVERFLOW' },
    ],
    [
      'an endless body',
      socket => socket.write(`${ok}\r\n`) && endless('0'.repeat(65_536))(socket),
      { reason: 'protocol_error', detail: 'body_too_large' },
    ],
    [
      'endless chunks',
      socket =>
        socket.write(`${ok}transfer-encoding: chunked\r\n\r\n`) &&
        endless('5\r\nhello\r\n'.repeat(1_000))(socket),
      { reason: 'protocol_error', detail: 'body_too_large' },
    ],
    [
      'a length of 9e18',
      socket => socket.write(`${ok}content-length: 9000000000000000000\r\n\r\nx`),
      { reason: 'protocol_error', detail: 'body_too_large' },
    ],
    [
      'a length of no digits',
      socket => socket.write(`${ok}content-length: ten\r\n\r\nx`),
      { reason: 'protocol_error' },
    ],
    ['a banner of another protocol', socket => socket.end('-ERR unknown command\r\n'), nonsense],
    [
      'a chunk without a size',
      socket => socket.end(`${ok}transfer-encoding: chunked\r\n\r\nzz\r\n`),
      nonsense,
    ],
    [
      'an upgrade that nobody asked for',
      socket => socket.end('HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      nonsense,
    ],
    ['an end without an answer', socket => socket.end(), cutOff],
    ['an end inside the headers', socket => socket.end(`${ok}x`), cutOff],
    ['an end inside the body', socket => socket.end(`${ok}content-length: 5\r\n\r\nhe`), cutOff],
    [
      'an end inside the body, announced',
      socket => socket.end(`${ok}connection: close\r\ncontent-length: 5\r\n\r\nhe`),
      cutOff,
    ],
    [
      'an end inside the chunks',
      socket => socket.end(`${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe`),
      cutOff,
    ],
    [
      'a reset inside the body',
      socket =>
        socket.write(`${ok}content-length: 5\r\n\r\nhe`, () => setImmediate(() => socket.resetAndDestroy())),
      { reason: 'connection_error' },
    ],
    ['a body up to the end of the connection', socket => socket.end(`${ok}\r\nhello`), { ok: true }],
    [
      'early hints, then an answer',
      socket => socket.end(`HTTP/1.1 103 Early Hints\r\n\r\n${ok}content-length: 0\r\n\r\n`),
      { ok: true },
    ],
    [
      'a continue that nobody asked for, then an answer',
      socket => socket.end(`HTTP/1.1 100 Continue\r\n\r\n${ok}content-length: 0\r\n\r\n`),
      { ok: true },
    ],
    [
      'several of them, in pieces and with headers',
      socket => {
        const first = 'HTTP/1.1 100 Continue\r\nx-100: 100\r\n\r\nHTTP/1.1 1'
        socket.write(first)
        setImmediate(() => socket.end(`00 \r\n\r\n${ok}content-length: 3\r\n\r\n100`))
      },
      { ok: true },
    ],
    ['a continue and the end', socket => socket.end('HTTP/1.1 100 Continue\r\n\r\n'), cutOff],
    ['a flood of continues', endless('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)), timeout],
    ['endless continues', drip('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n'), timeout],
    [
      'an answer and the start of another',
      socket => socket.write(`${ok}content-length: 0\r\n\r\n${ok}`),
      { ok: true },
    ],
  ])('%s', async (_what, talk, outcome) => {
    const hostile = await serveAfterHead(talk)
    const { durationMs: timeoutMs = 5_000 } = outcome
    expect(await check(http, { url: `http://127.0.0.1:${hostile.port}` }, timeoutMs)).toMatchObject(outcome)
    await until(() => hostile.open.size === 0, 'the connection is gone')
    expect(hostile.accepted()).toBe(1)
    await hostile.close()
  })

  test('an answer before the request is taken as it comes, and asked for once', async () => {
    const eager = await serve(socket => socket.end(`${ok}content-length: 0\r\n\r\n`))
    await check(http, { url: `http://127.0.0.1:${eager.port}` }, 200)
    expect(eager.accepted()).toBe(1)
    await eager.close()
  })

  test('leaves nothing open when a bad status ends the check before its body', async () => {
    const wordy = await serveAfterHead(socket => {
      socket.write('HTTP/1.1 500 x\r\n\r\n')
      endless('x'.repeat(65_536))(socket)
    })
    for (let i = 0; i < 10; i++) {
      expect(await check(http, { url: `http://127.0.0.1:${wordy.port}` })).toMatchObject({
        detail: 'http_500',
      })
    }
    await until(() => wordy.open.size === 0, 'the connections are gone')
    await wordy.close()
  })
})

describe('TLS', () => {
  const authority = createAuthority()
  const good = authority.issue()
  const expired = authority.issue({ expired: true })
  const { certPem: cert, keyPem: key } = authority.issue({ selfSigned: true })
  const nobody = { cert, key }
  let secure: HttpServer
  let stale: HttpServer
  beforeAll(async () => {
    const answer: Route = (_request, response) => response.end('{"status":"ok"}')
    secure = await serveHttp(answer, { cert: good.certPem, key: good.keyPem, ALPNProtocols: ['http/1.1'] })
    stale = await serveHttp(answer, { cert: expired.certPem, key: expired.keyPem })
  })
  afterAll(async () => {
    await secure.stop()
    await stale.stop()
    authority.remove()
  })

  test('a trusted certificate is ok, and its expiry is told', async () => {
    const result = await check(http, { url: secure.url, tls: { ca: authority.caPem } })
    expect(result).toMatchObject({ ok: true, measurements: { status_code: 200 } })
    expect(Object.keys(result.phases)).toEqual(['connect', 'tls', 'request', 'transfer'])
    expect(result.measurements.tls_not_after_timestamp_seconds).toBe(notAfter(good))
  })

  test('an expired one is tls_error, no request is sent, and its expiry is told', async () => {
    expect(await check(http, { url: stale.url, tls: { ca: authority.caPem } })).toMatchObject({
      ok: false,
      reason: 'tls_error',
      detail: 'CERT_HAS_EXPIRED',
      measurements: { tls_not_after_timestamp_seconds: notAfter(expired) },
    })
    expect(stale.requests).toEqual([])
  })

  test('an unknown authority is refused without any tls options', async () => {
    expect(await check(http, { url: secure.url })).toMatchObject({ reason: 'tls_error' })
    expect(secure.requests).toHaveLength(1)
  })

  test('a redirect from http to https on the same host is followed, with its credentials; back is not', async () => {
    routes['/upgrade'] = (_request, response) => response.writeHead(301, { location: secure.url }).end()
    const options = { followRedirects: true, bearerToken: 'mine', tls: { ca: authority.caPem } }
    expect(await ask('/upgrade', options)).toMatchObject({ ok: true, phases: { tls: expect.any(Number) } })
    expect(secure.requests.at(-1)?.headers.authorization).toBe('Bearer mine')
    expect(await ask('/upgrade', { followRedirects: true })).toMatchObject({ reason: 'tls_error' })
    const backwards = await serveHttp(
      (_request, response) => response.writeHead(302, { location: `${server.url}/ok` }).end(),
      { cert: good.certPem, key: good.keyPem },
    )
    const before = server.requests.length
    expect(await check(http, { ...options, url: backwards.url })).toMatchObject({
      detail: 'redirect_blocked',
    })
    expect(server.requests.length).toBe(before)
    await backwards.stop()
  })

  test('HTTP on the TLS port, and TLS on the HTTP port', async () => {
    expect(await check(http, { url: server.url.replace('http:', 'https:') })).toMatchObject({
      reason: 'tls_error',
    })
    const answer = await check(http, { url: secure.url.replace('https:', 'http:') })
    expect(answer.ok ? 'ok' : answer.reason).toMatch(/^(protocol_error|connection_error)$/)
  })

  test.each([
    ['absent', {}, { reason: 'auth_error', detail: 'certificate_required' }],
    ['of nobody', nobody, { reason: 'auth_error', detail: 'tls_alert_unknown_ca' }],
    ['given', { cert: good.certPem, key: good.keyPem }, { ok: true }],
  ])('a client certificate, %s', async (_what, own, outcome) => {
    const strict = await serveOpenssl(
      good,
      '-Verify',
      '1',
      '-verify_return_error',
      '-CAfile',
      authority.caFile,
    )
    const url = `https://127.0.0.1:${strict.port}`
    expect(await check(http, { url, tls: { ca: authority.caPem, ...own } })).toMatchObject(outcome)
    await strict.stop()
  })
})

function notAfter({ certPem }: { certPem: string }): number {
  return new X509Certificate(certPem).validToDate.getTime() / 1_000
}

describe('options', () => {
  const url = 'http://api.example'
  const value = 'a header value cannot contain line breaks, control characters or characters outside Latin-1'

  test.each<[Options, string, string]>([
    [{ url: 'ftp://a' }, 'url', 'expected a URL that starts with http:// or https://'],
    [{ url: 'http://a%:b@host' }, 'url', 'the user or the password cannot be decoded; write "%" as %25'],
    [{ url, headers: { 'X-A': 'a\r\nb: c' } }, 'headers.X-A', value],
    [{ url, headers: { 'X-A': 'a\0' } }, 'headers.X-A', value],
    [{ url, headers: { 'X-A': '✓' } }, 'headers.X-A', value],
    [
      { url, headers: { 'X A': 'a' } },
      'headers.X A',
      'a header name has letters, digits and "-", and no spaces',
    ],
    [{ url, headers: { 'Content-Length': '1' } }, 'headers.Content-Length', 'this header cannot be set'],
    [{ url, headers: { a: '1', A: '2' } }, 'headers.A', 'this header is given twice'],
    [
      { url, bearerToken: 'a\n' },
      'bearerToken',
      'a token cannot contain line breaks, control characters or characters outside Latin-1',
    ],
    [
      { url, bearerToken: 'a', basicAuth: { username: 'a', password: 'b' } },
      'bearerToken',
      'credentials are given twice: in basicAuth and in bearerToken',
    ],
    [
      { url: 'http://u:p@a', bearerToken: 'a' },
      'bearerToken',
      'credentials are given twice: in url and in bearerToken',
    ],
    [
      { url, bearerToken: 'a', headers: { Authorization: 'b' } },
      'bearerToken',
      'credentials are given twice: in headers and in bearerToken',
    ],
    [
      { url, basicAuth: { username: 'a:b', password: 'c' } },
      'basicAuth.username',
      'a user name for basic auth cannot contain ":"',
    ],
    [{ url, tls: {} }, 'tls', 'tls needs a URL that starts with https://, or followRedirects'],
    [
      { url, method: 'HEAD', expect: { json: { a: 1 } } },
      'expect.json',
      'an answer to HEAD has no body; use method GET',
    ],
    [
      { url, method: 'HEAD', expect: { body: { contains: 'a' } } },
      'expect.body',
      'an answer to HEAD has no body; use method GET',
    ],
    [
      { url, expect: { status: ['2xx'] } },
      'expect.status.0',
      'expected a status from 200 on, such as 200, or a range such as 200-299',
    ],
    [
      { url, expect: { status: ['299-200'] } },
      'expect.status.0',
      'expected a status from 200 on, such as 200, or a range such as 200-299',
    ],
    [
      { url, expect: { status: [true] } },
      'expect.status.0',
      'expected a status such as 200, or a range such as 200-299',
    ],
    [{ url, expect: { json: {} } }, 'expect.json', 'expected at least one entry'],
    [
      { url, expect: { headers: { a: '(' } } },
      'expect.headers.a',
      'invalid pattern (RE2 syntax): missing closing ): `(`',
    ],
  ])('refuses %j', (options, path, message) => {
    const issues = dependencySchema(http).safeParse(options).error?.issues
    expect(issues?.map(issue => [issue.path.join('.'), issue.message])).toContainEqual([path, message])
  })

  test.each(['', '.a', 'a.', 'a..b', '$.a', 'a[b]', 'a[0', '[0]a', '["a]', "['a']"])(
    'refuses the path %j',
    path => {
      expect(optionsOf(http).safeParse({ url, expect: { json: { [path]: 1 } } }).success).toBe(false)
    },
  )

  test.each([
    ['https://api.example/health', 'https://api.example/health'],
    ['http://user:pass@[::1]:8080/?key=abc#x', 'http://[::1]:8080/?key=<secret>'],
    ['http://sk_live_token@api.example', 'http://api.example/'],
  ])('prints %s as %s', (url, target) => {
    expect(http.target(parseOptions(http, { url }))).toBe(target)
  })
})
