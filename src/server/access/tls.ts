/** Our own TLS: what exporter-toolkit's `tls_server_config` says, replaceable while we listen. */
import type { Server } from 'node:https'
import { createSecureContext, type SecureVersion, type TLSSocket, type TlsOptions } from 'node:tls'

/** exporter-toolkit's names, which are Go's. */
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
  /** If any: a client certificate must hold one of them as a subject alternative name. */
  readonly clientSans: readonly string[]
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** OpenSSL's names, joined by colons. */
  readonly ciphers?: string | undefined
  readonly curves?: string | undefined
  readonly preferServerCiphers: boolean
}

/** Whether clients that show a certificate are those whom our own authorities vouch for. */
export function verifiesClients({ clientAuth }: TlsSettings): boolean {
  return clientAuth === 'VerifyClientCertIfGiven' || clientAuth === 'RequireAndVerifyClientCert'
}

/** TLS for the listeners of one server. */
export interface Tls {
  /** @throws Error if the certificate and its key cannot be used. */
  options(): TlsOptions
  /** Judges clients by their certificates, and takes over replaced settings. Returns what ends the latter. */
  attach(server: Server): () => void
  /**
   * New settings for connections from now on.
   *
   * @throws Error if they cannot be used; those of before stay.
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
        if (!isWelcome(current, socket)) socket.destroy()
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
        // Node reads these two from the server at every connection, and has no method that sets them.
        Object.assign(server, { requestCert, rejectUnauthorized })
      }
    },
  }
}

/** @throws Error if OpenSSL cannot use them. Its words hold neither key nor certificate. */
export function secureOptions(settings: TlsSettings): TlsOptions {
  const { cert, key, clientAuth, clientCa, ciphers, curves } = settings
  // Node takes an empty text for none, and would serve without a certificate.
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
  createSecureContext(options)
  return options
}

/** What OpenSSL has not judged already: Go's kinds between asking for a certificate and insisting on a good one. */
function isWelcome({ clientAuth, clientSans }: TlsSettings, socket: TLSSocket): boolean {
  if (clientAuth === 'NoClientCert' || clientAuth === 'RequestClientCert') return true
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return clientAuth === 'VerifyClientCertIfGiven'
  if (clientAuth !== 'RequireAnyClientCert' && !socket.authorized) return false
  return (
    clientSans.length === 0 || alternativeNames(certificate.subjectAltName).some(n => clientSans.includes(n))
  )
}

/** Values of `DNS:a, IP Address:b, URI:c`. One that needs quotes is nobody's, and could pass for several: none counts. */
function alternativeNames(text = ''): readonly string[] {
  if (text.includes('"')) return []
  return text.split(', ').map(name => name.slice(name.indexOf(':') + 1))
}
