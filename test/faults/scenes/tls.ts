/** TLS: one server whose certificate and protocol change under the checks. */
import { once } from 'node:events'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import { type Certificate, createAuthority } from '../../support/certificates.ts'
import { listen } from '../../support/net.ts'
import type { Fault, SceneScript, Unplayed, Verdict } from '../scene.ts'

const unplayed: readonly Unplayed[] = [
  {
    id: 'T4',
    fault: 'the certificate expires while a session lives',
    why: 'seen by the next check, as T1: every check is a new handshake',
    heldBy: ['test/kinds/shared/tls.test.ts: no session is resumed'],
  },
  {
    id: 'T10',
    fault: 'our own certificate is replaced by a broken file',
    why: 'the last good pair stays, and a metric tells',
    heldBy: [
      'test/server/http/tls.test.ts: a new pair is taken over; one that does not fit leaves the last good one',
    ],
  },
]

export const tls: SceneScript = {
  unplayed,
  async open() {
    const authority = createAuthority()
    const stranger = createAuthority('Unknown Root')
    const good = authority.issue()
    const below = authority.intermediate().issue()
    const server = createServer({ cert: good.certPem, key: good.keyPem }, socket => {
      socket.on('error', () => {})
      socket.end('hello')
    })
    server.on('tlsClientError', () => {})
    const port = await listen(server)
    const present =
      (certificate: Certificate, more: TlsOptions = {}) =>
      () =>
        server.setSecureContext({ cert: certificate.certPem, key: certificate.keyPem, ...more })
    const dependency = {
      kind: 'tcp',
      host: 'localhost',
      port,
      tls: { ca: authority.caPem },
      expect: { contains: 'hello' },
    }
    const row = (
      id: string,
      fault: string,
      inject: () => void,
      verdict: Verdict,
      options: object = {},
    ): Fault => ({
      id,
      fault,
      dependency: { ...dependency, tls: { ...dependency.tls, ...options } },
      verdict,
      inject,
      heal: present(good),
    })
    const refused = (detail: string): Verdict => ({ status: 'down', reason: 'tls_error', detail })
    return {
      faults: [
        row(
          'T1',
          'the certificate has expired',
          present(authority.issue({ expired: true })),
          refused('CERT_HAS_EXPIRED'),
        ),
        row(
          'T1',
          'the certificate is not valid yet',
          present(authority.issue({ notYetValid: true })),
          refused('CERT_NOT_YET_VALID'),
        ),
        row(
          'T2',
          'signed by an unknown authority',
          present(stranger.issue()),
          refused('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
        ),
        row(
          'T2',
          'self-signed',
          present(authority.issue({ selfSigned: true })),
          refused('DEPTH_ZERO_SELF_SIGNED_CERT'),
        ),
        row(
          'T3',
          'for another name',
          present(authority.issue({ names: ['elsewhere.example'] })),
          refused('ERR_TLS_CERT_ALTNAME_INVALID'),
        ),
        row(
          'T1',
          'the certificate expires in 10 days, `expiresWithin: 30d`',
          present(authority.issue({ notAfter: new Date(Date.now() + 10 * 86_400_000) })),
          refused('certificate_expires_soon'),
          { expiresWithin: '30d' },
        ),
        row(
          'T2',
          'the intermediate certificate is left out',
          present({ ...below, certPem: below.leafPem }),
          refused('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
        ),
        row(
          'T9',
          'a chain of more than 100 KB',
          present({ ...below, certPem: below.certPem.repeat(150) }),
          refused('ERR_SSL_EXCESSIVE_MESSAGE_SIZE'),
        ),
        row(
          'T5',
          'TLS 1.2 at most, `minVersion: TLSv1.3`',
          present(good, { maxVersion: 'TLSv1.2' }),
          refused('tls_alert_protocol_version'),
          { minVersion: 'TLSv1.3' },
        ),
      ],
      async close() {
        server.close()
        await once(server, 'close')
        authority.remove()
        stranger.remove()
      },
    }
  },
}

/** What answers on a TLS port without being a TLS server. */
export const notTls: SceneScript = {
  async open() {
    const authority = createAuthority()
    const { certPem, keyPem } = authority.issue()
    const secure = createServer({ cert: certPem, key: keyPem }, socket =>
      socket.on('error', () => {}).end('hello'),
    )
    secure.on('tlsClientError', () => {})
    let plain: string | undefined
    const open = new Set<Socket>()
    const server = createTcpServer(socket => {
      open.add(socket)
      socket.on('error', () => {}).once('close', () => open.delete(socket))
      const words = plain
      if (words === undefined) secure.emit('connection', socket)
      else if (words !== '') socket.once('data', () => socket.end(words))
    })
    const port = await listen(server)
    const dependency = {
      kind: 'tcp',
      host: 'localhost',
      port,
      tls: { ca: authority.caPem },
      expect: { contains: 'hello' },
    }
    const say = (words: string | undefined) => () => {
      plain = words
    }
    return {
      faults: [
        {
          id: 'T6',
          fault: 'plain HTTP on the TLS port',
          dependency,
          verdict: { status: 'down', reason: 'tls_error' },
          inject: say('HTTP/1.1 400 Bad Request\r\n\r\n'),
          heal: say(undefined),
        },
        {
          id: 'T7',
          fault: 'the handshake never ends',
          dependency,
          verdict: { status: 'down', reason: 'timeout', detail: 'timeout' },
          inject: say(''),
          heal: say(undefined),
        },
      ],
      async close() {
        for (const socket of open) socket.destroy()
        server.close()
        await once(server, 'close')
        authority.remove()
      },
    }
  },
}
