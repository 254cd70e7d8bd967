/** The kind `grpc` against servers that break the rules: of gRPC, with Node's HTTP/2, and of HTTP/2, with bytes. */
import { createServer } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { grpc } from '../../../src/kinds/grpc/grpc.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options, startCheck } from '../../support/check.ts'
import { emptySettings, type Http2Call, http2Frame, serveHttp2 } from '../../support/grpc.ts'
import { listen, serve, until } from '../../support/net.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** Checks a server of HTTP/2 that answers so. */
async function checkAnswer(answer: (call: Http2Call) => void, options: Options = {}, timeoutMs?: number) {
  const { port, stop } = await serveHttp2(answer)
  stops.push(stop)
  return await check(grpc, { host: '127.0.0.1', port, ...options }, timeoutMs)
}

const failing = (reason: string, detail: string) => ({ ok: false, reason, detail })
const broken = failing('protocol_error', 'protocol_error')

/** Answers with these headers, bytes and trailers. */
const saying =
  (headers: OutgoingHttpHeaders, body: Uint8Array = Buffer.alloc(0), trailers?: OutgoingHttpHeaders) =>
  ({ stream }: Http2Call) => {
    stream.respond(headers, { waitForTrailers: trailers !== undefined })
    stream.once('wantTrailers', () => stream.sendTrailers(trailers ?? {}))
    stream.end(body)
  }
const ok = { 'content-type': 'application/grpc' }
const fine = { 'grpc-status': '0' }
const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1])

describe('answers of gRPC', () => {
  test.each<[string, (call: Http2Call) => void]>([
    ['as it should be', saying(ok, serving, fine)],
    ['with a longer content type', saying({ 'content-type': 'application/grpc+proto' }, serving, fine)],
    [
      'with fields that are not known',
      saying(ok, Buffer.from([0, 0, 0, 0, 8, 18, 2, 104, 105, 8, 1, 24, 7]), fine),
    ],
    [
      'byte for byte',
      ({ stream }) => {
        stream.respond(ok, { waitForTrailers: true })
        stream.once('wantTrailers', () => stream.sendTrailers(fine))
        for (const byte of serving) stream.write(Buffer.of(byte))
        stream.end()
      },
    ],
    [
      'after an interim answer',
      call => {
        call.stream.additionalHeaders({ ':status': 103 })
        saying(ok, serving, fine)(call)
      },
    ],
  ])('an answer %s is ok', async (_what, answer) => {
    expect(await checkAnswer(answer)).toMatchObject({ ok: true, measurements: { serving_status: 1 } })
  })

  test.each<[string, Uint8Array, object]>([
    ['without its only field is UNKNOWN', Buffer.alloc(5), failing('unhealthy', 'UNKNOWN')],
    ['SERVICE_UNKNOWN', Buffer.from([0, 0, 0, 0, 2, 8, 3]), failing('unhealthy', 'SERVICE_UNKNOWN')],
    [
      'of a status from the future is UNKNOWN',
      Buffer.from([0, 0, 0, 0, 2, 8, 9]),
      failing('unhealthy', 'UNKNOWN'),
    ],
    ['that is absent', Buffer.alloc(0), broken],
    ['that comes twice', Buffer.concat([serving, serving]), broken],
    ['that is cut off', serving.subarray(0, 6), broken],
    ['whose length is cut off', serving.subarray(0, 3), broken],
    ['that is compressed', Buffer.from([1, 0, 0, 0, 2, 8, 1]), broken],
    ['that is no message', Buffer.from([0, 0, 0, 0, 2, 255, 255]), broken],
    ['that announces 4 GiB', Buffer.from([0, 255, 255, 255, 255]), broken],
  ])('a message %s', async (_what, body, outcome) => {
    expect(await checkAnswer(saying(ok, body, fine))).toMatchObject(outcome)
  })

  test.each<[string, OutgoingHttpHeaders, object]>([
    ['that nobody knows is UNKNOWN', { 'grpc-status': '99' }, failing('unhealthy', 'UNKNOWN')],
    ['that is no number', { 'grpc-status': 'fine' }, broken],
    ['that is absent', { x: '1' }, broken],
    [
      'whose text is no escape is told as it came',
      { 'grpc-status': '14', 'grpc-message': '100% \u001b' },
      failing('unhealthy', 'UNAVAILABLE'),
    ],
  ])('a gRPC status %s', async (_what, trailers, outcome) => {
    const clean = Object.fromEntries(
      Object.entries(trailers).map(([k, v]) => [k, String(v).replace('\u001b', '')]),
    )
    expect(await checkAnswer(saying(ok, serving, clean))).toMatchObject(outcome)
  })

  test('an answer of trailers alone has its status in the headers', async () => {
    const headers = { ...ok, 'grpc-status': '14', 'grpc-message': 'upstream %C3%BCberlastet' }
    expect(await checkAnswer(saying(headers))).toMatchObject({
      ...failing('unhealthy', 'UNAVAILABLE'),
      message: 'the health check of the server ended with UNAVAILABLE (14): upstream überlastet',
    })
  })

  test('the text of the server is one bounded line', async () => {
    const text = encodeURIComponent(`a\n\u001b[2Jb${'x'.repeat(9_000)}`)
    const result = await checkAnswer(saying({ ...ok, 'grpc-status': '14', 'grpc-message': text }))
    expect(result.ok ? '' : result.message).toMatch(/: a \[2Jbx+…$/)
  })
})

describe('answers of others', () => {
  test.each<[string, OutgoingHttpHeaders, object]>([
    ['404 of a proxy', { ':status': 404, 'content-type': 'text/html' }, failing('unhealthy', 'http_404')],
    ['503 of a proxy', { ':status': 503 }, failing('unhealthy', 'http_503')],
    ['401 of a proxy', { ':status': 401 }, failing('auth_error', 'http_401')],
    [
      'a status of gRPC beside it counts',
      { ':status': 503, 'grpc-status': '8' },
      failing('unhealthy', 'RESOURCE_EXHAUSTED'),
    ],
    ['a web page', { ':status': 200, 'content-type': 'text/html' }, broken],
    ['grpc-web', { ':status': 200, 'content-type': 'application/grpc-web' }, broken],
  ])('%s', async (_what, headers, outcome) => {
    expect(await checkAnswer(saying(headers, Buffer.from('<html>')))).toMatchObject(outcome)
  })

  test('an endless page of a proxy is not waited for', async () => {
    const result = await checkAnswer(
      ({ stream }) => {
        stream.respond({ ':status': 502 })
        stream.write('x')
      },
      {},
      20_000,
    )
    expect(result).toMatchObject(failing('unhealthy', 'http_502'))
    expect(result.durationMs).toBeLessThan(10_000)
  })

  test('a server of HTTP/1.1 is protocol_error', async () => {
    const server = createServer((_request, response) => response.end())
    const port = await listen(server)
    stops.push(async () => server.close())
    expect(await check(grpc, { host: '127.0.0.1', port })).toMatchObject(broken)
  })
})

describe('too much', () => {
  const tooLarge = failing('protocol_error', 'body_too_large')

  test('a message of 4 MB is cut off', async () => {
    const size = 4_000_000
    const head = Buffer.alloc(5)
    head.writeUInt32BE(size, 1)
    expect(await checkAnswer(saying(ok, Buffer.concat([head, Buffer.alloc(size)]), fine))).toMatchObject(
      tooLarge,
    )
  })

  test('headers of more than 16 KiB are cut off, and so are trailers', async () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'x'.repeat(500)]))
    expect(await checkAnswer(saying({ ...ok, ...many }, serving, fine))).toMatchObject(tooLarge)
    expect(await checkAnswer(saying(ok, serving, { ...fine, ...many }))).toMatchObject(tooLarge)
  })
})

/** What comes on the wire after the settings, once the call is there. */
const frames =
  (...sent: readonly Buffer[]) =>
  (socket: Socket) => {
    socket.write(emptySettings)
    socket.once('data', () => setImmediate(() => socket.write(Buffer.concat(sent))))
  }
const code = (number: number) => Buffer.from([0, 0, 0, number])
const reset = (number: number) => http2Frame(3, 0, 1, code(number))
const goaway = (number: number, last = 0) => http2Frame(7, 0, 0, Buffer.concat([code(last), code(number)]))

async function serveBytes(talk: (socket: Socket) => void) {
  const server = await serve(talk)
  stops.push(server.close)
  return server
}

describe('ends of HTTP/2', () => {
  test.each<[string, (socket: Socket) => void, object]>([
    ['RST_STREAM: refused', frames(reset(7)), failing('unhealthy', 'UNAVAILABLE')],
    ['RST_STREAM: cancelled', frames(reset(8)), failing('unhealthy', 'CANCELLED')],
    ['RST_STREAM: calm down', frames(reset(11)), failing('unhealthy', 'RESOURCE_EXHAUSTED')],
    ['RST_STREAM: internal error', frames(reset(2)), failing('unhealthy', 'INTERNAL')],
    ['RST_STREAM: use HTTP/1.1', frames(reset(13)), broken],
    ['RST_STREAM: no error', frames(reset(0)), broken],
    ['GOAWAY before the call', frames(goaway(0)), failing('unhealthy', 'UNAVAILABLE')],
    ['GOAWAY: calm down', frames(goaway(11)), failing('unhealthy', 'RESOURCE_EXHAUSTED')],
    ['a frame of a type on the wrong stream', frames(http2Frame(0, 0, 0, code(0))), broken],
    ['headers that cannot be decoded', frames(http2Frame(1, 4, 1, Buffer.alloc(20, 255))), broken],
    [
      'settings, then the end',
      socket => {
        socket.write(emptySettings)
        socket.once('data', () => socket.end())
      },
      failing('connection_error', 'closed_early'),
    ],
    [
      'settings, then a reset',
      socket => {
        socket.write(emptySettings)
        socket.once('data', () => setImmediate(() => socket.resetAndDestroy()))
      },
      failing('connection_error', 'ECONNRESET'),
    ],
  ])('%s', async (_what, talk, outcome) => {
    const server = await serveBytes(talk)
    expect(await check(grpc, { host: '127.0.0.1', port: server.port })).toMatchObject(outcome)
    await until(() => server.open.size === 0, 'the connection is gone')
  })

  test('GOAWAY that lets the call end leaves it time', async () => {
    // :status 200, content-type and grpc-status are literals; the message says SERVING.
    const field = (name: string, value: string) =>
      Buffer.concat([
        Buffer.of(0, name.length),
        Buffer.from(name),
        Buffer.of(value.length),
        Buffer.from(value),
      ])
    const head = Buffer.concat([Buffer.of(0x88), field('content-type', 'application/grpc')])
    const answer = [
      http2Frame(1, 4, 1, head),
      http2Frame(0, 0, 1, serving),
      http2Frame(1, 5, 1, field('grpc-status', '0')),
    ]
    const { port } = await serveBytes(frames(goaway(0, 1), ...answer))
    expect(await check(grpc, { host: '127.0.0.1', port })).toMatchObject({ ok: true })
  })
})

describe('floods', () => {
  const field103 = Buffer.from([8, 3, 49, 48, 51])
  test.each<[string, Buffer]>([
    ['PING', http2Frame(6, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', emptySettings],
    ['WINDOW_UPDATE', http2Frame(8, 0, 0, code(1))],
    ['frames of an unknown type', http2Frame(0x55, 0, 0, Buffer.alloc(16_000))],
    ['interim answers', http2Frame(1, 4, 1, field103)],
    ['empty DATA', http2Frame(0, 0, 1)],
    ['CONTINUATION', http2Frame(9, 0, 1, Buffer.from([0, 1, 97, 1, 98]))],
    ['RST_STREAM', reset(8)],
    ['GOAWAY', goaway(0, 1)],
  ])('%s is cut off long before the deadline', async (_what, frame) => {
    const batch = Buffer.concat(Array.from({ length: Math.ceil(65_536 / frame.length) }, () => frame))
    const server = await serveBytes(socket => {
      socket.write(emptySettings)
      const pour = () => {
        while (!socket.destroyed && socket.write(batch));
      }
      socket.on('drain', pour).once('data', pour)
    })
    const before = process.memoryUsage().rss
    const result = await check(grpc, { host: '127.0.0.1', port: server.port }, 20_000)
    expect(result.ok ? 'ok' : result.reason).toMatch(/^(protocol_error|connection_error|unhealthy)$/)
    expect(result.durationMs).toBeLessThan(10_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20)
    await until(() => server.open.size === 0, 'the connection is gone')
  })
})

describe('silence', () => {
  test.each<[string, (call: Http2Call) => void]>([
    ['after the headers', ({ stream }) => stream.respond(ok)],
    [
      'before the trailers',
      ({ stream }) => {
        stream.respond(ok)
        stream.write(serving)
      },
    ],
  ])('%s is a timeout, and nothing stays', async (_what, answer) => {
    expect(await checkAnswer(answer, {}, 300)).toMatchObject(failing('timeout', 'timeout'))
  })

  test('over TLS, an abort in the middle of a call leaves no connection', async () => {
    const authority = createAuthority()
    let calls = 0
    let closed = 0
    const { port, stop } = await serveHttp2(({ stream }) => {
      calls++
      stream.session?.once('close', () => closed++)
    }, authority.issue())
    stops.push(stop, async () => authority.remove())
    const running = startCheck(grpc, { host: '127.0.0.1', port, tls: { ca: authority.caPem } }, 20_000)
    await until(() => calls === 1, 'the call is there')
    running.abort()
    await running.settled
    await until(() => closed === 1, 'the connection is gone')
  })
})
