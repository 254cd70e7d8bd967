/** The failures that are declared, which docs/metrics.md shows, against what the code names. */
import { DatabaseError } from 'pg'
import { describe, expect, test } from 'vitest'
import { kinds } from '../../src/kinds/index.ts'
import { nameServerError } from '../../src/kinds/postgres/failures.ts'
import { nameErrorReply } from '../../src/kinds/redis/failures.ts'
import { phases } from '../../src/model/dependency.ts'
import { type Failures, failuresOf, findFailure, listed, reasons } from '../../src/model/failure.ts'
import { commonFailures } from '../../src/schedule/failures.ts'
import { dnsFailures } from '../../src/schedule/lookup-failures.ts'
import { failureOf, timeoutFailure } from '../../src/schedule/reason.ts'

const owners = [{ name: 'common', failures: commonFailures }, ...kinds]

const entries = owners.flatMap(({ name, failures = {} }) =>
  Object.entries(failures as Failures).flatMap(([detail, declared]) =>
    listed(declared).map(([reason, meaning, remedy]) => ({ name, detail, reason, meaning, remedy })),
  ),
)

describe('every declared failure', () => {
  test.each(entries)('$name $detail ($reason) is explained in sentences', ({ reason, meaning, remedy }) => {
    expect(reasons).toContain(reason)
    expect(meaning).toMatch(/^[A-Z`].*[.?]$/s)
    expect(remedy).toMatch(/^[A-Z`].*[.?]$/s)
  })

  test('every kind declares what it names itself', () => {
    for (const { name, failures } of kinds) expect(Object.keys(failures ?? {}), name).not.toEqual([])
  })
})

describe('what the schedule names is declared', () => {
  const declares = ({ reason, detail }: { reason: string; detail: string }) =>
    failuresOf(commonFailures, detail).some(([each]) => each === reason)

  test.each(phases)('a deadline in phase %s', phase => {
    expect(timeoutFailure(phase, 1)).toSatisfy(declares)
  })

  test.each(Object.keys(dnsFailures))('%s of a name server', detail => {
    expect({ reason: 'dns_error', detail }).toSatisfy(declares)
  })

  test.each([
    'ECONNREFUSED',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
    'HPE_INVALID_CONSTANT',
    'nobody knows it',
  ])('an error of code %s', code => {
    expect(failureOf(Object.assign(new Error(code), { code }))).toSatisfy(declares)
  })
})

describe('what a server says is named as declared', () => {
  const [postgres, redis] = ['postgres', 'redis'].map(
    name => kinds.find(kind => kind.name === name)?.failures ?? {},
  )

  test.each(['28P01', '28XYZ', '42501', '42P01', '08006', '53300', '57014', '57P03', 'XX000'])(
    'SQLSTATE %s',
    code => {
      const error = Object.assign(new DatabaseError('', 0, 'error'), { code, routine: 'x' })
      const { reason, detail } = nameServerError(error)
      expect([reason, detail]).toEqual([findFailure(postgres ?? {}, code)?.[0], code])
    },
  )

  test.each(Object.keys(redis ?? {}).filter(key => /^[A-Z]+$/.test(key)))('Redis %s', code => {
    const { reason, detail } = nameErrorReply('PING', `${code} text`)
    expect([reason, detail]).toEqual([findFailure(redis ?? {}, code)?.[0], code])
  })
})
