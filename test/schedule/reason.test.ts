import { describe, expect, test } from 'vitest'
import { CheckError } from '../../src/dependency.ts'
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
    ['CERT_HAS_EXPIRED', 'tls_error'],
    ['CERT_NOT_YET_VALID', 'tls_error'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_error'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls_error'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_error'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls_error'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_error'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_error'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'auth_error'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'auth_error'],
    ['HPE_INVALID_CONSTANT', 'protocol_error'],
  ])('%s is %s, and the detail is the code', (code, reason) => {
    expect(failureOf(coded(code))).toEqual({ reason, detail: code, message: 'said so' })
  })

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
