/** TLS options of every kind, and what a check makes of the server's certificate and of its refusals. */
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { z } from 'zod'
import { type CheckContext, CheckError, tlsNotAfter } from '../../model/dependency.ts'
import { duration } from '../../model/settings.ts'
import { expiryText, firstToEnd, refusalText } from './certificate.ts'
import { fileText, secret } from './options.ts'

/** `tls: {}` turns TLS on with the system's certificate authorities and full verification. */
export const tlsOptions = z
  .strictObject({
    ca: fileText('Certificate authorities to trust instead of the built-in ones, PEM.').optional(),
    cert: fileText('Client certificate chain, PEM.').optional(),
    key: secret('Private key of the client certificate, PEM.').optional(),
    servername: z.string().min(1).optional().describe('Name to ask for and to verify. Default: the host.'),
    verify: z.boolean().default(true).describe('Verify the chain and the name. Default true.'),
    minVersion: z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .describe('Oldest version of TLS to accept. Default TLSv1.2.'),
    expiresWithin: duration('1m', '10y')
      .optional()
      .describe(
        'The check fails once a presented certificate expires within this time. Default: no such limit.',
      ),
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
    minVersion: options.minVersion,
    ...(isIP(servername) === 0 ? { servername } : { host: servername }),
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.cert !== undefined && { cert: options.cert }),
    ...(options.key !== undefined && { key: options.key.reveal() }),
  }
}

/** A finished handshake. */
export interface Session {
  readonly socket: TLSSocket
  /** What the server presented, its own certificate first. Node gives it away only once. */
  readonly chain: readonly X509Certificate[]
}

/**
 * Reports the expiry of the presented chain, then refuses the peer if its verification failed, or if the chain ends
 * sooner than the options allow.
 *
 * @throws CheckError with Node's code as its detail (`CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`), or
 * `certificate_expires_soon`.
 */
export function verifyPeer(
  { socket, chain }: Session,
  options: TlsOptions,
  hostname: string,
  context: Pick<CheckContext, 'measure'>,
): void {
  const first = firstToEnd(chain)
  if (first !== undefined) context.measure(tlsNotAfter, first.validToDate.getTime() / 1_000)
  if (options.verify && !socket.authorized) {
    const code = String(socket.authorizationError ?? 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    throw new CheckError('tls_error', code, refusalText(code, chain, options.servername ?? hostname))
  }
  const { expiresWithin = Number.NEGATIVE_INFINITY } = options
  if (first !== undefined && first.validToDate.getTime() - Date.now() < expiresWithin)
    throw new CheckError('tls_error', 'certificate_expires_soon', expiryText(first))
}

/**
 * What a failed handshake stands for. TLS 1.2 has no alert for a client certificate that is demanded and absent, as
 * TLS 1.3 has: servers send `handshake_failure` (RFC 5246, section 7.4.6) or `bad_certificate`. The former says so only
 * once version and cipher are agreed on. Such an error gets the code that it has in TLS 1.3.
 */
export function handshakeFailure(error: unknown, socket: TLSSocket, { cert }: TlsOptions): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const agreed = socket.getProtocol() === 'TLSv1.2' && socket.getCipher() !== undefined
  const isDemand =
    (code.endsWith('_ALERT_HANDSHAKE_FAILURE') && agreed) ||
    (code.endsWith('_ALERT_BAD_CERTIFICATE') && cert === undefined)
  if (!isDemand) return error
  const asked = new Error('the server demands a client certificate', { cause: error })
  return Object.assign(asked, { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' })
}
