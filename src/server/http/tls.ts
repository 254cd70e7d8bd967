/** TLS of our listeners, as exporter-toolkit's `tls_server_config` sets it. It can be replaced while they listen. */
import type { Server } from 'node:https'
import type { SecureVersion, TLSSocket, TlsOptions } from 'node:tls'

/** The names of exporter-toolkit, which are those of Go's crypto/tls. */
export const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const
export type ClientAuthType = (typeof clientAuthTypes)[number]

export interface TlsSettings {
  /** Certificate chain, key and client authorities are PEM texts. */
  readonly cert: string
  readonly key: string
  readonly clientCa?: string | undefined
  readonly clientAuth: ClientAuthType
  /** If not empty, a client certificate must have one of these subject alternative names. */
  readonly clientSans: readonly string[]
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** OpenSSL's names, separated by colons. */
  readonly ciphers?: string | undefined
  readonly curves?: string | undefined
  readonly preferServerCiphers: boolean
}

/** Whether client certificates are verified against `clientCa`. */
export function verifiesClients({ clientAuth }: Pick<TlsSettings, 'clientAuth'>): boolean {
  return clientAuth === 'VerifyClientCertIfGiven' || clientAuth === 'RequireAndVerifyClientCert'
}

/** TLS for the listeners of one server. */
export interface Tls {
  /** @throws Error if the certificate and its key cannot be used. */
  options(): TlsOptions
  /** Checks client certificates of a server, and gives it replaced settings. Returns a function that ends the latter. */
  attach(server: Server): () => void
  /**
   * Sets what new connections use.
   *
   * @throws Error if the settings cannot be used; the current ones stay in force.
   */
  replace(settings: TlsSettings): void
}

export function createTls(settings: TlsSettings): Tls {
  let current = settings
  const servers = new Set<Server>()
  return {
    options: () => secureOptions(current),
    attach(server) {
      server.prependListener('secureConnection', socket => {
        if (!isAccepted(current, socket)) socket.destroy()
      })
      servers.add(server)
      return () => servers.delete(server)
    },
    replace(next) {
      const options = secureOptions(next)
      const { requestCert, rejectUnauthorized } = options
      current = next
      for (const server of servers) {
        server.setSecureContext(options)
        // Node reads these two from the server for each connection, and has no method that sets them.
        Object.assign(server, { requestCert, rejectUnauthorized })
      }
    },
  }
}

/** @throws Error if OpenSSL cannot use them. Its message contains neither the key nor the certificate. */
export function secureOptions(settings: TlsSettings): TlsOptions {
  const { cert, key, clientAuth, clientCa, ciphers, curves } = settings
  // Node takes an empty text as none, and would serve without a certificate.
  if (cert.trim() === '' || key.trim() === '') throw new Error('the text is empty')
  const options: TlsOptions = {
    cert,
    key,
    minVersion: settings.minVersion,
    maxVersion: settings.maxVersion,
    honorCipherOrder: settings.preferServerCiphers,
    requestCert: clientAuth !== 'NoClientCert',
    rejectUnauthorized: clientAuth === 'RequireAndVerifyClientCert',
    ca: clientCa,
    ciphers,
    ecdhCurve: curves,
  }
  process.getBuiltinModule('node:tls').createSecureContext(options)
  return options
}

/** What OpenSSL does not check: Go's modes between requesting a certificate and requiring a verified one. */
function isAccepted({ clientAuth, clientSans }: TlsSettings, socket: TLSSocket): boolean {
  if (clientAuth === 'NoClientCert' || clientAuth === 'RequestClientCert') return true
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clientAuth === 'VerifyClientCertIfGiven'
  if (clientAuth !== 'RequireAnyClientCert' && !socket.authorized) return false
  return (
    clientSans.length === 0 || alternativeNames(certificate.subjectAltName).some(n => clientSans.includes(n))
  )
}

/** Values of `DNS:a, IP Address:b, URI:c`. A name that needs quotes could pass for several, so then none counts. */
function alternativeNames(text = ''): readonly string[] {
  if (text.includes('"')) return []
  return text.split(', ').map(name => name.slice(name.indexOf(':') + 1))
}
