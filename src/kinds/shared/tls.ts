/** The TLS options of every kind, how a server's certificate and its refusals are judged, and how PostgreSQL is asked for TLS. */
import type { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { z } from 'zod'
import { type CheckContext, CheckError, tlsNotAfter } from '../../model/dependency.ts'
import type { SecretUrl } from '../../model/secret.ts'
import { duration } from '../../model/settings.ts'
import { expiryText, findFirstToExpire, refusalText } from './certificate.ts'
import { bareHost, fileText, secret } from './options.ts'
import { waitFor } from './socket.ts'

/** `tls: {}` turns TLS on with the system's certificate authorities and full verification. */
export const tlsOptions = z
  .strictObject({
    ca: fileText('Certificate authorities to trust instead of the built-in ones, PEM.').optional(),
    cert: fileText('Client certificate chain, PEM.').optional(),
    key: secret('Private key of the client certificate, PEM.').optional(),
    servername: z
      .string()
      .min(1)
      .optional()
      .describe('Server name to send (SNI) and to verify. Default: the host.'),
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
  .describe('TLS to the dependency; `{}` turns it on with full verification.')

export type TlsOptions = z.output<typeof tlsOptions>

interface Addressed {
  readonly url?: SecretUrl | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly tls?: TlsOptions | undefined
}

/** Returns where options specify to connect. A URL of the given scheme turns TLS on with its default options. */
export function addressOf({ url, host = '', port = 0, tls }: Addressed, tlsScheme: string) {
  if (url === undefined) return { host, port, tls }
  const { hostname, port: urlPort, protocol } = url.url()
  const secured = tls ?? (protocol === `${tlsScheme}:` ? tlsOptions.parse({}) : undefined)
  return { host: bareHost(hostname), port: Number(urlPort), tls: secured }
}

/**
 * Returns the settings of `tls.connect` for one fresh session. `verifyPeer` judges the verification after the handshake,
 * because Node forgets the certificate of a connection that it refuses itself.
 */
export function tlsSettings(options: TlsOptions, hostname: string): ConnectionOptions {
  const servername = options.servername ?? hostname
  return {
    rejectUnauthorized: false,
    minVersion: options.minVersion,
    ...(isIP(servername) === 0 ? { servername } : { host: servername }),
    ca: options.ca,
    cert: options.cert,
    key: options.key?.reveal(),
  }
}

/** A finished handshake. */
export interface TlsSession {
  readonly socket: TLSSocket
  /** What the server presented, its own certificate first. Node returns it only once. */
  readonly chain: readonly X509Certificate[]
}

/**
 * Reports the expiry of the presented chain, then refuses the peer if its verification failed, or if the chain expires
 * sooner than the options allow.
 *
 * @throws CheckError with Node's code as its detail (`CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`), or
 * `certificate_expires_soon`.
 */
export function verifyPeer(
  { socket, chain }: TlsSession,
  options: TlsOptions,
  hostname: string,
  context: Pick<CheckContext, 'measure'>,
): void {
  const first = findFirstToExpire(chain)
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
 * Names the cause of a failed handshake. Unlike TLS 1.3, TLS 1.2 has no alert for a missing client certificate: servers send
 * `handshake_failure` (RFC 5246, section 7.4.6) or `bad_certificate`. The former has this meaning only once version and
 * cipher are agreed on. Such an error gets the code that it has in TLS 1.3.
 */
export function nameHandshakeError(error: unknown, socket: TLSSocket, { cert }: TlsOptions): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const agreed = socket.getProtocol() === 'TLSv1.2' && socket.getCipher() !== undefined
  const isDemand =
    (code.endsWith('_ALERT_HANDSHAKE_FAILURE') && agreed) ||
    (code.endsWith('_ALERT_BAD_CERTIFICATE') && cert === undefined)
  if (!isDemand) return error
  const asked = new Error('the server requires a client certificate', { cause: error })
  return Object.assign(asked, { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' })
}

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/**
 * Asks for TLS on a fresh PostgreSQL connection and returns whether the server agrees: protocol documentation, "SSL Session
 * Encryption". The answer must be exactly one byte. More than one is refused: they came before encryption and would be
 * taken for what comes after (CVE-2021-23222).
 *
 * @param hint what to set if TLS begins at once.
 * @throws CheckError `protocol_error` if the server is not PostgreSQL, or speaks TLS already.
 */
export async function requestPostgresTls(socket: Socket, hint: string): Promise<boolean> {
  socket.write(sslRequest)
  const bytes = await waitFor(socket, 'data')
  if (isTlsRecord(bytes)) throw speaksTls(hint)
  const answer = bytes.toString('latin1')
  if (answer === 'S' || answer === 'N') return answer === 'S'
  throw new CheckError('protocol_error', 'protocol_error', 'the answer to the TLS request is not PostgreSQL')
}

/** Whether the first bytes are an alert or a handshake record of TLS: RFC 8446, section 5.1. */
export function isTlsRecord(bytes: Buffer): boolean {
  return (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03
}

/** The failure of a server that is asked for TLS in clear text, and speaks it already. */
export function speaksTls(hint: string): CheckError {
  return new CheckError('protocol_error', 'protocol_error', `the server speaks TLS from the start; ${hint}`)
}
