/** What a server can do to us with bytes: nothing but fail its own check. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { postgres } from '../../../src/kinds/postgres/postgres.ts'
import { canBeOverheard, cancelRequest } from '../../../src/kinds/postgres/wire.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check } from '../../support/check.ts'
import { type ByteServer, serve, until } from '../../support/net.ts'

const servers: ByteServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

/** A server that gives this answer to the first thing it hears. */
async function answering(...answer: (Buffer | string)[]): Promise<ByteServer> {
  return await talking(socket => {
    socket.once('data', () => {
      for (const bytes of answer) socket.write(bytes)
    })
  })
}

/** A server that gives one answer each to what it hears, byte by byte. */
async function conversing(...answers: Buffer[]): Promise<ByteServer> {
  return await talking(socket => {
    const left = answers.slice()
    socket.on('data', async () => {
      for (const byte of left.shift() ?? []) {
        socket.write(Buffer.of(byte))
        await new Promise(resolve => setImmediate(resolve))
      }
    })
  })
}

async function talking(talk: (socket: Socket) => void): Promise<ByteServer> {
  const server = await serve(talk)
  servers.push(server)
  return server
}

/** A message with a true length, unless told otherwise. */
function message(type: string, body: Buffer | string = '', length = 4 + Buffer.byteLength(body)): Buffer {
  const header = Buffer.alloc(5, type)
  header.writeUInt32BE(length, 1)
  return Buffer.concat([header, Buffer.from(body)])
}

const pooler = (text: string) => message('E', `SFATAL\0C08P01\0M${text}\0\0`)
const loggedIn = Buffer.concat([message('R', '\0\0\0\0'), message('K', Buffer.alloc(8)), message('Z', 'I')])
const completed = Buffer.concat([message('C', 'SELECT 0\0'), message('Z', 'I')])
const options = (port: number) => ({ host: '127.0.0.1', port, user: 'app', password: 'canary' })

describe('a server that is hostile, or not PostgreSQL', () => {
  test.each([
    ['HTTP', ['HTTP/1.1 400 Bad Request\r\n\r\n'], 'protocol_error', 'protocol_error'],
    ['Redis', ['-ERR unknown command\r\n'], 'protocol_error', 'protocol_error'],
    ['SSH', ['SSH-2.0-OpenSSH_9.2\r\n'], 'protocol_error', 'protocol_error'],
    ['memcached', ['ERROR\r\n'], 'protocol_error', 'protocol_error'],
    ['a message of 2 GB', [message('D', '', 2 ** 31 - 1)], 'protocol_error', 'body_too_large'],
    ['a message without a length', [message('Z', '', 0)], 'protocol_error', 'protocol_error'],
    ['an error without an end', [message('E', 'SFATAL')], 'protocol_error', 'protocol_error'],
    ['an error with half an end', [message('E', 'SFATAL\0')], 'protocol_error', 'protocol_error'],
    ['a notice without an end', [message('N', 'x')], 'protocol_error', 'protocol_error'],
    ['an error without a word', [message('E', '\0')], 'protocol_error', 'protocol_error'],
    ['an error without a code', [message('E', 'SFATAL\0Mno\0\0')], 'protocol_error', 'protocol_error'],
    ['an error of an odd code', [message('E', 'Cgo away\0Mno\0\0')], 'protocol_error', 'protocol_error'],
    ['a demand for Kerberos V5', [message('R', '\0\0\0\x02')], 'auth_error', 'auth_method_unsupported'],
    ['a demand for SCM', [message('R', '\0\0\0\x06')], 'auth_error', 'auth_method_unsupported'],
    ['a demand for GSSAPI', [message('R', '\0\0\0\x07')], 'auth_error', 'auth_method_unsupported'],
    ['a demand for SSPI', [message('R', '\0\0\0\x09')], 'auth_error', 'auth_method_unsupported'],
    [
      'SASL without SCRAM',
      [message('R', '\0\0\0\x0aOAUTHBEARER\0\0')],
      'auth_error',
      'auth_method_unsupported',
    ],
    ['a method that nobody knows', [message('R', '\0\0\0\x63')], 'protocol_error', 'protocol_error'],
    ['half a method', [message('R', '\0\0')], 'protocol_error', 'protocol_error'],
    ['SASL out of order', [message('R', '\0\0\0\x0br=1')], 'protocol_error', 'protocol_error'],
    ['columns without number', [loggedIn, message('T', '\xff\xff')], 'protocol_error', 'protocol_error'],
    ['a row that nobody asked for', [message('D', '\0\0'), loggedIn], 'protocol_error', 'protocol_error'],
    ['a session that ends at once', [loggedIn, message('E', 'C57P01\0Mbye\0\0')], 'unhealthy', '57P01'],
    ['PgBouncer: wrong password', [pooler('SASL authentication failed')], 'auth_error', 'auth_failed'],
    ['PgBouncer: database', [pooler('no such database: x')], 'unhealthy', 'no_such_object'],
    ['PgBouncer: full', [pooler('no more connections allowed (max_client_conn)')], 'unhealthy', 'overloaded'],
    ['PgBouncer: nobody behind', [pooler('server login has been failing')], 'unhealthy', 'not_ready'],
    ['PgBouncer: translated', [pooler('la base de données « x » n’existe pas')], 'unhealthy', 'pooler_error'],
    [
      'PostgreSQL: a violation of the protocol',
      [message('E', 'SFATAL\0C08P01\0Minvalid message\0RProcessStartupPacket\0\0')],
      'protocol_error',
      '08P01',
    ],
    ['PgBouncer: parameter', [pooler('unsupported startup parameter: x')], 'protocol_error', '08P01'],
    ['a fork failure', ['Ecould not fork new process for connection\n\0'], 'unhealthy', 'overloaded'],
  ])('%s', async (_name, answer, reason, detail) => {
    const server = await answering(...answer)
    expect(await check(postgres, options(server.port))).toMatchObject({ ok: false, reason, detail })
    await until(() => server.open.size === 0, 'the connection is gone')
  })

  test('endless messages are cut off at 1 MiB', async () => {
    const server = await talking(socket => {
      const notices = Buffer.concat(Array(4_096).fill(message('S', 'a\0b\0')))
      const pour = () => {
        while (!socket.destroyed && socket.write(notices));
      }
      socket.once('data', pour).on('drain', pour)
    })
    const before = process.memoryUsage().rss
    const result = await check(postgres, options(server.port), 5_000)
    expect(result).toMatchObject({ ok: false, reason: 'protocol_error', detail: 'body_too_large' })
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20)
  })

  test('messages may come a byte at a time', async () => {
    const server = await conversing(loggedIn, completed, completed)
    expect(await check(postgres, options(server.port))).toMatchObject({ ok: true })
  })

  test('a server that does not tell its role is not taken for the right one', async () => {
    const server = await conversing(loggedIn, completed, completed)
    const result = await check(postgres, { ...options(server.port), role: 'primary' })
    expect(result).toMatchObject({ ok: false, reason: 'protocol_error' })
  })

  test('a server that does not know its lag is judged by its role all the same', async () => {
    const column = `a\0${'\0'.repeat(18)}`
    const state = [
      message('T', `\0\x02${column}${column}`),
      message('D', '\0\x02\0\0\0\x01t\0\0\0\x02on'),
      message('C', 'SELECT 1\0'),
    ]
    const refused = [message('E', 'SERROR\0C0A000\0Mnot supported for Aurora\0\0'), message('Z', 'I')]
    const server = await conversing(loggedIn, Buffer.concat([...state, ...refused]), completed)
    const result = await check(postgres, { ...options(server.port), role: 'standby' })
    expect(result).toMatchObject({ ok: true, measurements: { in_recovery: 1 } })
    expect(result.measurements).not.toHaveProperty('replication_lag_seconds')
  })

  test('whatever is flipped, cut or doubled in a session, the check ends in time', async () => {
    const session = Buffer.concat([
      loggedIn,
      message('T', '\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0'),
      message('D', '\0\x01\0\0\0\x011'),
      message('C', 'SELECT 1\0'),
      message('N', 'SNOTICE\0C00000\0Mhello\0\0'),
      message('E', 'SERROR\0C42601\0Msyntax\0\0'),
      message('Z', 'I'),
    ])
    const mutation = fc.record({ at: fc.nat(session.length - 1), byte: fc.nat(255), cut: fc.nat(6) })
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async mutations => {
        const bytes = mutations.reduce((bytes, { at, byte, cut }) => {
          return Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + cut)])
        }, session)
        const server = await answering(bytes)
        const result = await check(postgres, options(server.port), 60)
        expect(result.durationMs).toBeLessThan(200)
        await server.close()
        servers.pop()
      }),
      { numRuns: 150 },
    )
  }, 60_000)
})

describe('the request for TLS', () => {
  const authority = createAuthority()
  afterAll(() => authority.remove())
  const secured = (port: number) => ({ ...options(port), tls: { ca: authority.caPem } })

  test.each([
    ['a server without TLS', 'N', 'tls_error', 'tls_protocol'],
    ['a server that smuggles bytes in before TLS', 'SZ', 'protocol_error', 'protocol_error'],
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'protocol_error', 'protocol_error'],
    ['an error in clear', message('E', 'C28000\0Mno\0\0'), 'protocol_error', 'protocol_error'],
  ])('%s is %s', async (_name, answer, reason, detail) => {
    const server = await answering(answer)
    expect(await check(postgres, secured(server.port))).toMatchObject({ ok: false, reason, detail })
  })

  test('silence is a timeout in phase tls', async () => {
    const server = await talking(() => {})
    const result = await check(postgres, secured(server.port), 200)
    expect(result).toMatchObject({
      ok: false,
      reason: 'timeout',
      message: expect.stringContaining('phase tls'),
    })
  })

  test.each([
    ['the wrong host', { names: ['elsewhere.example'] }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['an expired certificate', { expired: true }, 'CERT_HAS_EXPIRED'],
  ])('nothing is said to %s', async (_name, certificate, detail) => {
    const { certPem, keyPem } = authority.issue(certificate)
    let heard = 0
    const gone = Promise.withResolvers<void>()
    const server = await talking(socket => {
      socket.once('data', () => {
        socket.write('S')
        const tls = new TLSSocket(socket, { isServer: true, cert: certPem, key: keyPem })
        tls.on('data', chunk => {
          heard += chunk.length
        })
        tls.on('error', () => {}).once('end', () => tls.destroy())
        tls.once('close', gone.resolve)
      })
    })
    const result = await check(postgres, secured(server.port))
    expect(result).toMatchObject({ ok: false, reason: 'tls_error', detail })
    expect(result.measurements).toHaveProperty('tls_not_after_timestamp_seconds')
    await gone.promise
    expect(heard).toBe(0)
  })
})

test.each([
  ['127.0.0.1', false],
  ['127.8.9.1', false],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['10.0.0.1', true],
  ['2001:db8::1', true],
  ['::ffff:10.0.0.1', true],
])('a connection to %s in clear can be overheard: %s', (remoteAddress, overheard) => {
  expect(canBeOverheard({ remoteAddress })).toBe(overheard)
})

test('a request to cancel is the sixteen bytes of the documentation', () => {
  const request = cancelRequest({ processID: 258, secretKey: -2 })
  expect(request.toString('hex')).toBe('0000001004d2162e00000102fffffffe')
})
