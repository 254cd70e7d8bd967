/** TLS: one server whose certificate and protocol change under the checks. */
import { once } from 'node:events'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import { type Certificate, createAuthority } from '../../support/certificates.ts'
import { listening } from '../../support/net.ts'
import type { Fault, SceneScript, Verdict } from '../scene.ts'

export const tls: SceneScript = {
  async open() {
    const authority = createAuthority()
    const stranger = createAuthority('Unknown Root')
    const good = authority.issue()
    const server = createServer({ cert: good.certPem, key: good.keyPem }, socket => {
      socket.on('error', () => {})
      socket.end('hello')
    })
    server.on('tlsClientError', () => {})
    const port = await listening(server)
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
    const row = (id: string, fault: string, inject: () => void, verdict: Verdict): Fault => ({
      id,
      fault,
      dependency,
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
    const port = await listening(server)
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
      unplayed: [
        {
          id: 'T4',
          fault: 'it expires while a session lives',
          why: 'no session is resumed; every check is a new handshake',
        },
        {
          id: 'T5, T8, T9',
          fault: 'old versions, client certificates, chains of 100 KB',
          why: 'held by test/kinds',
        },
        {
          id: 'T10',
          fault: 'our own certificate is broken',
          why: 'no change of a dependency; held by test/server',
        },
        {
          id: 'T11',
          fault: 'NODE_TLS_REJECT_UNAUTHORIZED=0',
          why: 'changes nothing; held by test/kinds/shared/tls.test.ts',
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
