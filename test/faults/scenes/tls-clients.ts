/** TLS: a server that begins to demand client certificates. */
import { connect } from 'node:net'
import { createAuthority } from '../../support/certificates.ts'
import { serve } from '../../support/net.ts'
import { serveOpenssl } from '../../support/tls.ts'
import type { Fault, SceneScript } from '../scene.ts'

/** A server that begins to demand client certificates, of an authority that ours is not of. */
export const clientCertificates: SceneScript = {
  async open() {
    const authority = createAuthority()
    const stranger = createAuthority('Unknown Root')
    const good = authority.issue()
    const demand = ['-Verify', '1', '-verify_return_error', '-CAfile', stranger.caFile]
    const versions = ['-tls1_3', '-tls1_2'] as const
    const open = async (version: string) => {
      const lenient = await serveOpenssl(good, version)
      const strict = await serveOpenssl(good, version, ...demand)
      let port = lenient.port
      const relay = await serve(socket => {
        const onward = connect(port, '127.0.0.1').on('error', () => socket.destroy())
        socket
          .on('error', () => onward.destroy())
          .pipe(onward)
          .pipe(socket)
      })
      const row = (certificate: object, fault: string, detail: string): Fault => ({
        id: 'T8',
        fault: `${fault}, TLS ${version.slice(4).replace('_', '.')}`,
        dependency: {
          kind: 'tcp',
          url: `tcp://127.0.0.1:${relay.port}`,
          tls: { ca: authority.caPem, ...certificate },
        },
        verdict: { status: 'down', reason: 'auth_error', detail },
        inject() {
          port = strict.port
        },
        heal() {
          port = lenient.port
        },
        times: 10,
      })
      return {
        faults: [
          row({}, 'a client certificate is demanded, and absent', 'certificate_required'),
          row(
            { cert: good.certPem, key: good.keyPem },
            'a client certificate is demanded, and ours is of an unknown authority',
            'tls_alert_unknown_ca',
          ),
        ],
        close: () => Promise.all([lenient.stop(), strict.stop(), relay.close()]),
      }
    }
    const opened = await Promise.all(versions.map(open))
    return {
      faults: opened.flatMap(({ faults }) => faults),
      async close() {
        await Promise.all(opened.map(each => each.close()))
        authority.remove()
        stranger.remove()
      },
    }
  },
}
