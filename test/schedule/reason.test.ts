import { describe, expect, test } from 'vitest'
import { CheckError } from '../../src/model/dependency.ts'
import { failureOf, findAdvice, ownFault, timeoutFailure } from '../../src/schedule/reason.ts'

const coded = (code: string, message = 'said so') => Object.assign(new Error(message), { code })

const refusedCertificate = (alert: string) => `the server refused our client certificate (alert: ${alert})`

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
    ['ENODATA', 'dns_error'],
    ['ETIMEOUT', 'dns_error'],
    ['EFORMERR', 'dns_error'],
    ['ENOTIMP', 'dns_error'],
    ['EBADNAME', 'dns_error'],
    ['ECONNABORTED', 'connection_error'],
    ['EHOSTDOWN', 'connection_error'],
    ['ENETDOWN', 'connection_error'],
    ['EACCES', 'connection_error'],
    ['HOSTNAME_MISMATCH', 'tls_error'],
    ['INVALID_CA', 'tls_error'],
    ['INVALID_PURPOSE', 'tls_error'],
    ['PATH_LENGTH_EXCEEDED', 'tls_error'],
    ['UND_ERR_HEADERS_OVERFLOW', 'protocol_error'],
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

  test.each([
    ['CERTIFICATE_REQUIRED', 'the server demands a client certificate, and got none that it can use'],
    ['UNSUPPORTED_CERTIFICATE', refusedCertificate('unsupported certificate')],
    ['CERTIFICATE_REVOKED', refusedCertificate('certificate revoked')],
    ['CERTIFICATE_EXPIRED', refusedCertificate('certificate expired')],
    ['CERTIFICATE_UNKNOWN', refusedCertificate('certificate unknown')],
    ['ACCESS_DENIED', refusedCertificate('access denied')],
  ])('the alert %s refuses our certificate, in words', (alert, message) => {
    expect(failureOf(coded(`ERR_SSL_TLSV13_ALERT_${alert}`))).toMatchObject({ reason: 'auth_error', message })
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
    // Taken apart by Node, without a text to take apart.
    [
      { code: 'ERR_SSL_NO_SHARED_CIPHER', reason: 'no shared cipher' },
      'no text',
      'ERR_SSL_NO_SHARED_CIPHER',
      'TLS failed: no shared cipher',
    ],
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

  test('a reason that is not of OpenSSL says nothing of TLS', () => {
    for (const more of [{ reason: 'told off' }, { library: 'SSL routines' }, { library: 'x', reason: 7 }])
      expect(failureOf(Object.assign(coded('ECONNRESET'), more))).toEqual({
        reason: 'connection_error',
        detail: 'ECONNRESET',
        message: 'said so',
      })
  })

  test('of several attempts, one without a code is passed over, and a code is a text', () => {
    const error = new AggregateError([new Error('nothing'), coded('ECONNREFUSED', 'v4')])
    expect(failureOf(error)).toMatchObject({ detail: 'ECONNREFUSED', message: 'v4' })
    const numbered = Object.assign(new Error('numbered', { cause: coded('ENOTFOUND') }), { code: 7 })
    expect(failureOf(numbered)).toMatchObject({ detail: 'ENOTFOUND' })
  })

  test('a cause is looked for four levels deep', () => {
    const nested = (depth: number): Error =>
      depth === 0 ? coded('ENOTFOUND') : new Error('outer', { cause: nested(depth - 1) })
    expect(failureOf(nested(4))).toMatchObject({ detail: 'ENOTFOUND' })
    expect(failureOf(nested(5))).toMatchObject({ detail: 'internal_error' })
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
  const where = phase === undefined ? '' : ` (phase ${phase})`
  expect(timeoutFailure(phase, 3_000)).toEqual({
    reason,
    detail,
    message: `no answer within 3000 ms${where}`,
  })
})

test.each(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EADDRNOTAVAIL'])('%s is our own fault', code => {
  expect(ownFault(coded(code))).toBe('overload')
  expect(ownFault(new AggregateError([coded(code)]))).toBe('overload')
  expect(ownFault(coded('ECONNREFUSED'))).toBeUndefined()
  expect(ownFault(new Error('no code'))).toBeUndefined()
})

describe('advice on a failure', () => {
  const failures = {
    ECONNREFUSED: ['unhealthy', 'Another meaning.', 'Another remedy.'],
    'odd_*': [
      ['unhealthy', 'It is odd.', 'Make it even.'],
      ['auth_error', 'It dislikes us.', 'Be nice.'],
    ],
  } as const

  test.each([
    ['auth_error', 'odd_3', 'Be nice.'],
    ['connection_error', 'ECONNREFUSED', 'Start the server; check host and port.'],
    ['unhealthy', 'ECONNREFUSED', 'Another remedy.'],
    ['timeout', 'odd_3', undefined],
    ['unhealthy', 'nobody_declares_this', undefined],
  ] as const)('%s %s: %s', (reason, detail, remedy) => {
    expect(findAdvice({ reason, detail, message: '' }, failures)?.remedy).toBe(remedy)
  })
})
