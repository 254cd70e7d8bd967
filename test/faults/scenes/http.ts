/** HTTP: one server that answers as it is told to, byte by byte where that matters. */
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { flood, serve } from '../../support/net.ts'
import type { Fault, SceneScript, Unplayed, Verdict } from '../scene.ts'

type Answer = (socket: Socket) => void

const good = write('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}')

const unplayed: readonly Unplayed[] = [
  {
    id: 'H7, H13',
    fault: 'unread bodies; a keep-alive connection is closed as we send',
    why: 'cannot happen: every check has a connection of its own',
    heldBy: [
      'test/kinds/http/http.test.ts: is what the options say, on a connection of its own that is closed',
    ],
  },
  {
    id: 'H9',
    fault: 'a catastrophic pattern',
    why: 'patterns are RE2, which runs in linear time, over a bounded body',
    heldBy: ['test/kinds/http/http.test.ts: ^(a+)+$'],
  },
  {
    id: 'H14',
    fault: 'HTTP_PROXY in the environment',
    why: 'ignored',
    heldBy: ['test/kinds/http/http.test.ts: heeds no proxy of the environment'],
  },
  {
    id: 'H15',
    fault: 'a header value with a line break',
    why: 'the configuration is refused, with the place',
    heldBy: ['test/config/invalid.test.ts: is refused in the words of its first lines'],
  },
]

export const http: SceneScript = {
  unplayed,
  async open() {
    let answer = good
    const server = await serve(socket => {
      socket.once('data', () => answer(socket))
    })
    const dependency = {
      kind: 'http',
      url: `http://127.0.0.1:${server.port}/health`,
      expect: { json: { status: 'ok' } },
    }
    const row = (
      id: string,
      fault: string,
      bad: Answer,
      verdict: Verdict,
      times?: number,
      options: object = {},
    ): Fault => ({
      id,
      fault,
      dependency: { ...dependency, ...options },
      verdict,
      inject() {
        answer = bad
      },
      heal() {
        answer = good
      },
      ...(times !== undefined && { times }),
    })
    const down = (
      reason: NonNullable<Verdict['reason']>,
      detail: NonNullable<Verdict['detail']>,
    ): Verdict => ({
      status: 'down',
      reason,
      detail,
    })
    const silent = down('timeout', 'timeout')
    const nonsense = down('protocol_error', 'protocol_error')
    return {
      faults: [
        row('N4', 'reset in the middle of the answer', resetHalfway, down('connection_error', 'ECONNRESET')),
        row(
          'N13',
          'closed without an answer',
          socket => socket.end(),
          down('connection_error', 'closed_early'),
        ),
        row(
          'N13',
          'closed in the middle of the body',
          write('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"sta'),
          down('connection_error', 'closed_early'),
          10,
        ),
        row('N16', 'a captive portal: 200 with a page', page, down('unhealthy', 'json_mismatch')),
        row('H1', 'the body drips, a byte each 50 ms', drip, silent),
        row('H2', 'endless 103 Early Hints', sendEndlessly('HTTP/1.1 103 Early Hints\r\n\r\n'), silent, 10),
        row(
          'H3',
          'a header of 1 MB',
          write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(2 ** 20)}\r\n\r\n`),
          down('protocol_error', 'UND_ERR_HEADERS_OVERFLOW'),
          10,
        ),
        row(
          'H4',
          'Content-Length: 9e18',
          write('HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n'),
          down('protocol_error', ['body_too_large', 'protocol_error']),
          10,
        ),
        row('H4', 'an endless body', sendEndlessBody, down('protocol_error', 'body_too_large'), 10),
        row(
          'H5',
          'a gzip bomb: 200 KB become 200 MB',
          createBomb(),
          down('protocol_error', 'body_too_large'),
          5,
        ),
        row(
          'H6',
          'a redirect to 169.254.169.254',
          write('HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n'),
          down('unhealthy', 'http_302'),
        ),
        row(
          'H6',
          'a redirect to another host, `followRedirects: true`',
          write('HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n'),
          down('unhealthy', 'redirect_blocked'),
          10,
          { followRedirects: true },
        ),
        row(
          'H6',
          'a redirect to itself, without end, `followRedirects: true`',
          write('HTTP/1.1 302 Found\r\nLocation: /health\r\nContent-Length: 0\r\n\r\n'),
          down('unhealthy', 'redirect_blocked'),
          10,
          { followRedirects: true },
        ),
        row('H8', 'an SSH banner on the port', write('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'), nonsense),
        row(
          'H10',
          'invalid UTF-8, NUL and lone surrogates in the body',
          binary,
          down('unhealthy', 'json_mismatch'),
          5,
        ),
        row(
          'H11',
          'JSON nested 100,000 deep',
          write(json('['.repeat(100_000))),
          down('unhealthy', 'json_mismatch'),
          5,
        ),
        row('H12', '401', write(status(401)), down('auth_error', 'http_401')),
        row('H12', '403', write(status(403)), down('auth_error', 'http_403'), 5),
        row('H12', '429 with Retry-After', write(status(429)), down('unhealthy', 'http_429'), 5),
        row('H12', '503 with Retry-After', write(status(503)), down('unhealthy', 'http_503')),
      ],
      close: server.close,
    }
  },
}

function write(bytes: string | Buffer): Answer {
  return socket => socket.end(bytes)
}

function status(code: number): string {
  return `HTTP/1.1 ${code} Status\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n`
}

function json(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const page = write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>')

const binary = write(
  Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n'),
    Buffer.from([0x00, 0xff, 0xfe, 0xed, 0xa0, 0x80]),
  ]),
)

function resetHalfway(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"sta', () => socket.resetAndDestroy())
}

function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n')
  const timer = setInterval(() => socket.write(' '), 50)
  socket.once('close', () => clearInterval(timer))
}

function sendEndlessly(bytes: string): Answer {
  return socket => {
    const timer = setInterval(() => socket.write(bytes), 5)
    socket.once('close', () => clearInterval(timer))
  }
}

function sendEndlessBody(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  flood(socket)
}

function createBomb(): Answer {
  const body = gzipSync(Buffer.alloc(200 * 2 ** 20))
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`
  return write(Buffer.concat([Buffer.from(head), body]))
}
