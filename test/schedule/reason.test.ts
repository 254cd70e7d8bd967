import { describe, expect, test } from 'vitest'
import { CheckError } from '../../src/model/dependency.ts'
import { failureOf, ownFault, timeoutFailure } from '../../src/schedule/reason.ts'

const coded = (code: string, message = 'said so') => Object.assign(new Error(message), { code })

describe('the reason of a failure', () => {
  test.each([
    ['ECONNREFUSED', 'connection_error'],
    ['ECONNRESET', 'connection_error'],
    ['EHOSTUNREACH', 'connection_error'],
    ['ENETUNREACH', 'connection_error'],
    ['ETIMEDOUT', 'connection_error'],
    ['EPIPE', 'connection_error'],
    ['ENOTFOUND', 'dns_error'],
    ['EAI_AGAIN', 'dns_error'],
    ['ESERVFAIL', 'dns_error'],
    ['EREFUSED', 'dns_error'],
    ['EBADRESP', 'dns_error'],
    ['CERT_HAS_EXPIRED', 'tls_error'],
    ['CERT_NOT_YET_VALID', 'tls_error'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_error'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_error'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_error'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls_error'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_error'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_error'],
    ['HPE_INVALID_CONSTANT', 'protocol_error'],
  ])('%s is %s, and the detail is the code', (code, reason) => {
    expect(failureOf(coded(code))).toEqual({ reason, detail: code, message: 'said so' })
  })

  test.each([
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'auth_error', 'certificate_required'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'auth_error', 'tls_alert_unknown_ca'],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'auth_error', 'tls_alert_bad_certificate'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'auth_error', 'tls_alert_bad_certificate'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'tls_error', 'tls_alert_handshake_failure'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls_error', 'tls_alert_protocol_version'],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'tls_error', 'tls_alert_unrecognized_name'],
  ])('%s is %s, %s: as the standard names the alert', (code, reason, detail) => {
    expect(failureOf(coded(code))).toMatchObject({ reason, detail })
  })

  const openssl = (text: string) =>
    `408D4828E37F0000:error:${text}:../deps/openssl/ssl/record.c:918:SSL alert number 40\n`

  test.each([
    [
      { code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', reason: 'ssl/tls alert handshake failure' },
      openssl('0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure'),
      'tls_alert_handshake_failure',
      'the server refused the TLS handshake (alert: handshake failure)',
    ],
    [
      { code: 'ERR_SSL_WRONG_VERSION_NUMBER', reason: 'wrong version number' },
      openssl('0A00010B:SSL routines:tls_validate_record_header:wrong version number'),
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'TLS failed: wrong version number',
    ],
    [
      { code: 'EPROTO' },
      `write EPROTO ${openssl('0A00010B:SSL routines:tls_validate_record_header:wrong version number')}`,
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'TLS failed: wrong version number',
    ],
    [{ code: 'EPROTO' }, 'read EPROTO', 'EPROTO', 'read EPROTO'],
  ])(
    'what OpenSSL says with %o is told without its threads and source files',
    (given, said, detail, message) => {
      const library = 'reason' in given ? { library: 'SSL routines' } : {}
      const error = Object.assign(new Error(said), given, library)
      expect(failureOf(error)).toEqual({ reason: 'tls_error', detail, message })
    },
  )

  test('what a checker named itself stands', () => {
    expect(failureOf(new CheckError('unhealthy', 'LOADING', 'Redis is loading'))).toEqual({
      reason: 'unhealthy',
      detail: 'LOADING',
      message: 'Redis is loading',
    })
  })

  test('of several attempts, the first with a code counts', () => {
    const error = new AggregateError([coded('ETIMEDOUT', 'v6'), coded('ECONNREFUSED', 'v4')])
    expect(failureOf(error)).toEqual({ reason: 'connection_error', detail: 'ETIMEDOUT', message: 'v6' })
  })

  test('a cause is found, however deep, but not for ever', () => {
    expect(
      failureOf(new Error('outer', { cause: new Error('middle', { cause: coded('ENOTFOUND') }) })).detail,
    ).toBe('ENOTFOUND')
    const circular = new Error('round')
    circular.cause = circular
    expect(failureOf(circular)).toMatchObject({ reason: 'error', detail: 'internal_error' })
  })

  test.each([
    [new TypeError('x is not a function'), 'x is not a function'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [coded('EWEIRD', 'odd'), 'odd'],
  ])('%s is an internal error', (thrown, message) => {
    expect(failureOf(thrown)).toEqual({ reason: 'error', detail: 'internal_error', message })
  })
})

test.each([
  ['dns', 'dns_error', 'dns_timeout'],
  ['connect', 'connection_error', 'connect_timeout'],
  ['tls', 'timeout', 'timeout'],
  ['request', 'timeout', 'timeout'],
  [undefined, 'timeout', 'timeout'],
] as const)('a deadline in phase %s is %s', (phase, reason, detail) => {
  expect(timeoutFailure(phase, 3_000)).toMatchObject({ reason, detail })
})

test.each(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EADDRNOTAVAIL'])('%s is our own fault', code => {
  expect(ownFault(coded(code))).toBe('overload')
  expect(ownFault(new AggregateError([coded(code)]))).toBe('overload')
  expect(ownFault(coded('ECONNREFUSED'))).toBeUndefined()
})
