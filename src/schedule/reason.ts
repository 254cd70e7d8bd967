/** From an error to its reason and detail: the one place that names failures. Pure. */
import { CheckError, type CheckFailure, type Phase, type SkipCause } from '../model/dependency.ts'
import { type Advice, type Failures, failuresOf, findFailure } from '../model/failure.ts'
import { commonFailures } from './failures.ts'

/** What a failure is called, and what it says. */
export type Diagnosis = Pick<CheckFailure, 'reason' | 'detail' | 'message'>

/**
 * TLS alerts as OpenSSL names them in its codes, with prefixes that differ between its versions and those of TLS:
 * `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED`, `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE`, `ERR_SSL_TLSV1_UNRECOGNIZED_NAME`.
 */
const alertCode = /^ERR_SSL_(?:SSLV3|SSL\/TLS|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)$/
/** Codes of our own failures: no descriptors, memory or ports left. */
const localResource = new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOBUFS',
  'EADDRNOTAVAIL',
  'EAI_MEMORY',
  'EAI_SYSTEM',
])

/** Classifies a thrown error. The message is passed on unchanged: the code that stores it redacts it. */
export function failureOf(error: unknown): Diagnosis {
  if (error instanceof CheckError)
    return { reason: error.reason, detail: error.detail, message: error.message }
  const cause = findCoded(error)
  const message = cause?.message || (error instanceof Error ? error.message : String(error))
  if (cause === undefined) return { reason: 'error', detail: 'internal_error', message }
  return tlsFailure(cause) ?? systemFailure(cause.code, message)
}

function systemFailure(code: string, message: string): Diagnosis {
  const reason = reasonOf(code)
  return { reason, detail: reason === 'error' ? 'internal_error' : code, message }
}

/**
 * The failure that OpenSSL reports by an error, whose own message contains a thread id and source files. Alerts have
 * their names from RFC 8446, section 6, in any version of TLS.
 */
function tlsFailure(error: CodedError): Diagnosis | undefined {
  const said = opensslReason(error)
  if (said === undefined && !alertCode.test(error.code)) return undefined
  const code = error.code === 'EPROTO' ? `ERR_SSL_${said?.toUpperCase().replaceAll(' ', '_')}` : error.code
  const alert = alertCode.exec(code)?.[1]?.toLowerCase()
  return alert === undefined ? systemFailure(code, `TLS failed: ${said}`) : alertFailure(alert)
}

function alertFailure(alert: string): Diagnosis {
  if (alert === 'certificate_required') {
    const message = 'the server demands a client certificate, and got none that it can use'
    return { reason: 'auth_error', detail: 'certificate_required', message }
  }
  const words = alert.replaceAll('_', ' ')
  const detail = `tls_alert_${alert}`
  const reason = reasonOf(detail)
  const refused = reason === 'auth_error' ? 'our client certificate' : 'the TLS handshake'
  return { reason, detail, message: `the server refused ${refused} (alert: ${words})` }
}

/**
 * OpenSSL's words for an error: as parsed by Node, or else taken from the text that it passes on with EPROTO,
 * `<thread>:error:<code>:<library>:<function>:<reason>:<file>:<line>` (ERR_error_string(3)).
 */
function opensslReason(error: CodedError): string | undefined {
  if ('library' in error && 'reason' in error && typeof error.reason === 'string') return error.reason
  return /:error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/.exec(error.message)?.[1]
}

/** The failure of a check that ran into its deadline, by the phase it was in. */
export function timeoutFailure(phase: Phase | undefined, timeoutMs: number): Diagnosis {
  const message = `no answer within ${timeoutMs} ms${phase === undefined ? '' : ` (phase ${phase})`}`
  if (phase === 'dns') return { reason: 'dns_error', detail: 'dns_timeout', message }
  if (phase === 'connect') return { reason: 'connection_error', detail: 'connect_timeout', message }
  return { reason: 'timeout', detail: 'timeout', message }
}

/** What a failure means and what to do about it, as its kind declares it or, failing that, as all kinds do. */
export function findAdvice({ reason, detail }: Diagnosis, failures: Failures = {}): Advice | undefined {
  const declared = [failures, commonFailures].flatMap(each => failuresOf(each, detail))
  const found = declared.find(([each]) => each === reason)
  return found && { meaning: found[1], remedy: found[2] }
}

/**
 * The cause of a failure of our own: no descriptors, memory or ports left. It says nothing about the dependency, so the
 * check does not count.
 */
export function ownFault(error: unknown): SkipCause | undefined {
  const code = findCoded(error)?.code
  return code !== undefined && localResource.has(code) ? 'overload' : undefined
}

function reasonOf(code: string): CheckFailure['reason'] {
  return findFailure(commonFailures, code)?.[0] ?? 'error'
}

/** An error of Node, c-ares, OpenSSL or undici. */
type CodedError = Error & { readonly code: string }

/**
 * The error that carries the code: itself, one of several attempts (`AggregateError` of a host with many addresses:
 * the first, which is the one that the host lists first), or its cause.
 */
function findCoded(error: unknown, depth = 0): CodedError | undefined {
  if (!(error instanceof Error) || depth > 4) return undefined
  const inner = error instanceof AggregateError ? error.errors : []
  for (const each of inner) {
    const found = findCoded(each, depth + 1)
    if (found !== undefined) return found
  }
  if ('code' in error && typeof error.code === 'string') return error as CodedError
  return findCoded(error.cause, depth + 1)
}
