/** TLS options of every kind, and the certificate facts that are reported even when verification fails. */
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { z } from 'zod'
import { type PhaseTrace, tlsNotAfter } from '../../dependency.ts'
import { fileText, secret } from './options.ts'

/** `tls: {}` turns TLS on with the system's certificate authorities and full verification. */
export const tlsOptions = z
  .strictObject({
    ca: fileText('Certificate authorities to trust instead of the built-in ones, PEM.').optional(),
    cert: fileText('Client certificate chain, PEM.').optional(),
    key: secret('Private key of the client certificate, PEM.').optional(),
    servername: z.string().min(1).optional().describe('Name to ask for and to verify. Default: the host.'),
    verify: z.boolean().default(true).describe('Verify the chain and the name. Default true.'),
  })
  .describe('TLS towards the dependency; `{}` turns it on with full verification.')

export type TlsOptions = z.output<typeof tlsOptions>

/**
 * What `tls.connect` needs for one fresh, unresumed session. Verification is judged after the handshake by
 * `verifyPeer`, since Node forgets the certificate of a connection that it refuses itself.
 */
export function tlsSettings(options: TlsOptions, hostname: string): ConnectionOptions {
  const servername = options.servername ?? hostname
  return {
    rejectUnauthorized: false,
    ...(isIP(servername) === 0 ? { servername } : { host: servername }),
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.cert !== undefined && { cert: options.cert }),
    ...(options.key !== undefined && { key: options.key.reveal() }),
  }
}

/**
 * Reports the expiry of the presented chain, then refuses the peer if its verification failed.
 *
 * @throws the verification error, with Node's `code` (`CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`).
 */
export function verifyPeer(socket: TLSSocket, options: TlsOptions, trace: PhaseTrace): void {
  const notAfter = earliestExpiry(socket.getPeerX509Certificate())
  if (notAfter !== undefined) trace.measure(tlsNotAfter, notAfter)
  if (!options.verify || socket.authorized) return
  const code = String(socket.authorizationError ?? 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  throw Object.assign(new Error(`certificate refused: ${code}`), { code })
}

/**
 * Earliest end of validity in a chain, in Unix seconds. A self-signed root at its end is left out unless it is the
 * leaf: it may come from the local store, and what the peer did not present is not the peer's to renew.
 */
function earliestExpiry(leaf: X509Certificate | undefined): number | undefined {
  if (leaf === undefined) return undefined
  let earliest = leaf.validToDate.getTime()
  for (let next = issuerOf(leaf); next !== undefined; next = issuerOf(next)) {
    if (!next.checkIssued(next)) earliest = Math.min(earliest, next.validToDate.getTime())
  }
  return earliest / 1_000
}

function issuerOf(certificate: X509Certificate): X509Certificate | undefined {
  const issuer = certificate.issuerCertificate
  return issuer === undefined || issuer.fingerprint256 === certificate.fingerprint256 ? undefined : issuer
}
