/** Error → reason and detail: the one place that names failures. Pure. */
import { CheckError, type CheckFailure, type Phase, type SkipCause } from '../dependency.ts'

export type Failure = Pick<CheckFailure, 'reason' | 'detail' | 'message'>

const dns = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_NODATA',
  'EAI_NONAME',
  'EAI_FAIL',
  'ESERVFAIL',
  'ENODATA',
  'ETIMEOUT',
])
const connection = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EACCES',
  'EPERM',
  'ENOTCONN',
  'UND_ERR_SOCKET',
  'ERR_STREAM_PREMATURE_CLOSE',
])
/** Verification results of OpenSSL as Node names them, beside those that start with `CERT_` or `UNABLE_TO_`. */
const certificate = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'HOSTNAME_MISMATCH'])
/** The server asks for a client certificate, or refuses ours. */
const certificateAlert =
  /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|ACCESS_DENIED)/
const localResource = new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOBUFS',
  'EADDRNOTAVAIL',
  'EAI_MEMORY',
  'EAI_SYSTEM',
])

/** The failure that a thrown error stands for. The message is as it came: whoever keeps it redacts it. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CheckError)
    return { reason: error.reason, detail: error.detail, message: error.message }
  const cause = coded(error)
  const message = cause?.message || (error instanceof Error ? error.message : String(error))
  const detail = cause?.code ?? 'internal_error'
  return {
    reason: reasonOf(detail),
    detail: reasonOf(detail) === 'error' ? 'internal_error' : detail,
    message,
  }
}

/** The failure of a check whose deadline passed, by the phase that it was in. */
export function timeoutFailure(phase: Phase | undefined, timeoutMs: number): Failure {
  const message = `no answer within ${timeoutMs} ms${phase === undefined ? '' : `; it was in phase ${phase}`}`
  if (phase === 'dns') return { reason: 'dns_error', detail: 'dns_timeout', message }
  if (phase === 'connect') return { reason: 'connection_error', detail: 'connect_timeout', message }
  return { reason: 'timeout', detail: 'timeout', message }
}

/**
 * The cause of a failure that is ours: out of descriptors, memory or ports. It says nothing about the dependency, so
 * the check does not count.
 */
export function ownFault(error: unknown): SkipCause | undefined {
  const code = coded(error)?.code
  return code !== undefined && localResource.has(code) ? 'overload' : undefined
}

function reasonOf(code: string): CheckFailure['reason'] {
  if (dns.has(code)) return 'dns_error'
  if (connection.has(code)) return 'connection_error'
  if (certificateAlert.test(code)) return 'auth_error'
  if (isTls(code)) return 'tls_error'
  if (code.startsWith('HPE_') || code.startsWith('UND_ERR_')) return 'protocol_error'
  return 'error'
}

function isTls(code: string): boolean {
  return (
    certificate.has(code) ||
    /^(?:CERT_|CRL_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|ERR_OSSL_)/.test(code) ||
    code === 'EPROTO' ||
    code === 'INVALID_CA' ||
    code === 'INVALID_PURPOSE' ||
    code === 'PATH_LENGTH_EXCEEDED'
  )
}

/**
 * The error that carries the code: itself, one of several attempts (`AggregateError` of a host with many addresses:
 * the first, which is the one that the host lists first), or its cause.
 */
function coded(error: unknown, depth = 0): (Error & { code: string }) | undefined {
  if (!(error instanceof Error) || depth > 4) return undefined
  const inner = error instanceof AggregateError ? error.errors : []
  for (const each of inner) {
    const found = coded(each, depth + 1)
    if (found !== undefined) return found
  }
  if ('code' in error && typeof error.code === 'string') return error as Error & { code: string }
  return coded(error.cause, depth + 1)
}
