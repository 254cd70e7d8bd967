/** Our own TLS: what exporter-toolkit's `tls_server_config` says, and certificates that are renewed while we run. */
import { readFileSync } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext, type SecureVersion, type TLSSocket, type TlsOptions } from 'node:tls'
import { type Logger, silent } from './logger.ts'

/** A PEM text, or the file that holds it. */
export type Pem = { readonly file: string } | { readonly text: string }

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
  readonly cert: Pem
  readonly key: Pem
  readonly clientCa?: Pem
  readonly clientAuth: ClientAuthType
  /** If any: a client certificate must hold one of them as a subject alternative name. */
  readonly clientSans: readonly string[]
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** OpenSSL's names, joined by colons. */
  readonly ciphers?: string
  readonly curves?: string
  readonly preferServerCiphers: boolean
}

/** Whether clients that show a certificate are those whom our own authorities vouch for. */
export function verifiesClients({ clientAuth }: TlsSettings): boolean {
  return clientAuth === 'VerifyClientCertIfGiven' || clientAuth === 'RequireAndVerifyClientCert'
}

/** TLS for one listener. */
export interface TlsListening {
  /** @throws Error if a file cannot be read, or holds no certificate or key that fit. */
  options(): TlsOptions
  /** Judges clients by their certificates, and takes over renewed files. Returns what ends the latter. */
  follow(server: Server): () => void
}

/** Milliseconds between two looks at the certificate files. */
const renewEveryMs = 5_000

/**
 * Files that break while we run are told once, and the last good ones stay in use.
 *
 * @param everyMs between two looks at the files. Default: 5 seconds.
 */
export function createTls(
  settings: TlsSettings,
  logger: Logger = silent,
  everyMs = renewEveryMs,
): TlsListening {
  return {
    options: () => secureOptions(settings),
    follow(server) {
      server.prependListener('secureConnection', socket => {
        if (!welcome(settings, socket)) socket.destroy()
      })
      let last = look(settings)
      const timer = setInterval(() => {
        const now = look(settings)
        if (now === last) return
        last = now
        try {
          server.setSecureContext(secureOptions(settings))
        } catch (error) {
          logger.warn({ err: error }, 'the new certificate is not usable; the last good one stays in use')
        }
      }, everyMs)
      timer.unref()
      return () => clearInterval(timer)
    },
  }
}

/** @throws Error if a file cannot be read, or its content does not fit. */
export function secureOptions(settings: TlsSettings): TlsOptions {
  const { clientAuth, clientCa, ciphers, curves } = settings
  const options: TlsOptions = {
    cert: read(settings.cert),
    key: read(settings.key),
    minVersion: settings.minVersion,
    maxVersion: settings.maxVersion,
    honorCipherOrder: settings.preferServerCiphers,
    requestCert: clientAuth !== 'NoClientCert',
    rejectUnauthorized: clientAuth === 'RequireAndVerifyClientCert',
    ...(clientCa !== undefined && { ca: read(clientCa) }),
    ...(ciphers !== undefined && { ciphers }),
    ...(curves !== undefined && { ecdhCurve: curves }),
  }
  createSecureContext(options)
  return options
}

/** Node takes an empty text for none, and would serve without a certificate. */
function read(pem: Pem): string {
  const text = 'text' in pem ? pem.text : readFileSync(pem.file, 'utf8')
  if (text.trim() === '') throw new Error(`${'text' in pem ? 'the text' : pem.file} is empty`)
  return text
}

/** The files as one text, to see whether any has changed; one that cannot be read counts as a change. */
function look({ cert, key, clientCa }: TlsSettings): string {
  try {
    return [cert, key, ...(clientCa === undefined ? [] : [clientCa])].map(read).join('\0')
  } catch (error) {
    return String(error)
  }
}

/** What OpenSSL has not judged already: Go's kinds between asking for a certificate and insisting on a good one. */
function welcome({ clientAuth, clientSans }: TlsSettings, socket: TLSSocket): boolean {
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
