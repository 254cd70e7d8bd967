/** What a TLS session must be like, and what it is measured by. */
import type { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { earliest, isSelfSigned } from '../shared/certificate.ts'
import { pattern } from '../shared/options.ts'
import { type TlsOptions, type TlsSession, verifyPeer } from '../shared/tls.ts'

export const protocolName = z.string().min(1).max(255)

export const expectation = z.strictObject({
  protocol: z.enum(['TLSv1.2', 'TLSv1.3']).optional().describe('Version of TLS that must be negotiated.'),
  cipher: pattern
    .optional()
    .describe('Pattern (RE2 syntax) that must match the IANA name of the cipher suite.'),
  alpn: protocolName.optional().describe('Protocol that must be negotiated (ALPN): h2.'),
})

interface Judged {
  readonly host: string
  readonly tls: TlsOptions
  readonly expect?: z.output<typeof expectation> | undefined
}

/** @throws CheckError if the certificate is refused, or what was negotiated is not as expected. */
export function judge(
  session: TlsSession,
  { host, tls, expect = {} }: Judged,
  context: Pick<CheckContext, 'measure'>,
): void {
  const { socket } = session
  const { protocol, cipher, alpn } = expect
  verifyPeer(session, { ...tls, expiresWithin: tls.expiresWithin || undefined }, host, context)
  const version = socket.getProtocol()
  const suite = socket.getCipher().standardName
  const agreed = socket.alpnProtocol || 'none'
  if (protocol !== undefined && version !== protocol)
    throw unhealthy('protocol_mismatch', `version ${version}`)
  if (cipher !== undefined && !cipher.test(suite)) throw unhealthy('cipher_mismatch', `cipher suite ${suite}`)
  if (alpn !== undefined && agreed !== alpn) throw unhealthy('alpn_mismatch', `ALPN protocol ${agreed}`)
}

function unhealthy(detail: string, agreed: string): CheckError {
  return new CheckError('unhealthy', detail, `the server negotiated ${agreed}, which is not what is expected`)
}

/** Each place in the chain has an expiry of its own, because labels cannot distinguish them. */
export const measurements = {
  leaf_not_after_timestamp_seconds: "Unix time at which the server's own certificate expires.",
  intermediate_not_after_timestamp_seconds:
    'Unix time at which the first of the presented intermediate certificates expires.',
  root_not_after_timestamp_seconds: 'Unix time at which the root certificate expires, if it is presented.',
  certificates: 'Certificates that the server presented.',
  verified: '1 if the chain and the name verify, otherwise 0. Also reported if tls.verify is false.',
  protocol_version: 'Negotiated version of TLS: 1.2 or 1.3.',
}

type Measurement = keyof typeof measurements

/** Reports all measurements, before anything is judged: those of a refused session too. */
export function measure(session: TlsSession, context: Pick<CheckContext, 'measure'>): void {
  for (const [name, value] of Object.entries(measurementsOf(session)))
    if (value !== undefined) context.measure(name, value)
}

function measurementsOf({ socket, chain }: TlsSession): Readonly<Record<Measurement, number | undefined>> {
  const [leaf, ...above] = chain
  return {
    leaf_not_after_timestamp_seconds: expiryOf(leaf),
    intermediate_not_after_timestamp_seconds: expiryOf(earliest(above.filter(each => !isSelfSigned(each)))),
    root_not_after_timestamp_seconds: expiryOf(above.find(isSelfSigned)),
    certificates: chain.length,
    verified: socket.authorized ? 1 : 0,
    protocol_version: versionOf(socket.getProtocol()),
  }
}

function expiryOf(certificate: X509Certificate | undefined): number | undefined {
  return certificate && certificate.validToDate.getTime() / 1_000
}

/** `TLSv1.3` as 1.3. */
function versionOf(protocol: string | null): number | undefined {
  const [, version] = /^TLSv(1\.\d)$/.exec(protocol ?? '') ?? []
  return version === undefined ? undefined : Number(version)
}
