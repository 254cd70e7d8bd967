/** The failures that are common to all kinds, as people read them. */
import { expect, test } from 'vitest'
import { failuresOf, listed, reasons } from '../../src/model/failure.ts'
import { commonFailures } from '../../src/schedule/failures.ts'
import { dnsFailure, dnsFailures, failureRank, isDnsFailure } from '../../src/schedule/lookup-failures.ts'

const isSentence = (text: string) => /^[A-Z`].*\.$/.test(text)

test('each has a reason, and says in sentences what has happened and what to do', () => {
  const wrong = Object.entries(commonFailures).filter(([, declared]) =>
    listed(declared).some(
      ([reason, meaning, remedy]) => !reasons.includes(reason) || !isSentence(meaning) || !isSentence(remedy),
    ),
  )
  expect(wrong).toEqual([])
})

test('whatever a lookup fails with is declared as a failure of names', () => {
  const details = Object.keys(dnsFailures)
  const reasonsOf = (detail: string) => failuresOf(commonFailures, detail).map(([reason]) => reason)
  expect(details.filter(detail => !reasonsOf(detail).includes('dns_error'))).toEqual([])
})

test.each([
  ['ENOTFOUND', 'ENOTFOUND', 'no such name: db.example (ENOTFOUND)'],
  ['ETIMEOUT', 'dns_timeout', 'the name server does not answer for db.example (ETIMEOUT)'],
  ['ESERVFAIL', 'ESERVFAIL', 'the name server could not resolve db.example (ESERVFAIL)'],
  ['EREFUSED', 'EREFUSED', 'the name server refused to resolve db.example (EREFUSED)'],
  ['EBADRESP', 'EBADRESP', 'the name server gave a malformed answer for db.example (EBADRESP)'],
  ['EFORMERR', 'EFORMERR', 'the name server did not understand the question for db.example (EFORMERR)'],
  ['ENOTIMP', 'ENOTIMP', 'the name server cannot answer the question for db.example (ENOTIMP)'],
  ['ECONNREFUSED', 'ECONNREFUSED', 'no name server accepts the question for db.example (ECONNREFUSED)'],
  ['ENODATA', 'ENODATA', 'no address is recorded for db.example (ENODATA)'],
  ['EBADNAME', 'EBADNAME', 'not a valid name: db.example (EBADNAME)'],
])('%s of c-ares is %s: %s', (code, detail, message) => {
  expect(isDnsFailure(code)).toBe(true)
  expect(dnsFailure(code, 'db.example')).toMatchObject({ reason: 'dns_error', detail, message })
})

test('what is not about names is no failure of a lookup', () => {
  expect(['EMFILE', '', 'dns'].filter(isDnsFailure)).toEqual([])
})

test('of several failures, what a server says of itself tells more than its silence, and a denial tells the least', () => {
  const ranked = ['ENOTFOUND', 'ETIMEOUT', 'ESERVFAIL', 'ENODATA'].map(code => dnsFailure(code, 'db'))
  const sorted = ranked.toSorted((a, b) => failureRank(a) - failureRank(b))
  expect(sorted.map(({ detail }) => detail)).toEqual(['ESERVFAIL', 'dns_timeout', 'ENODATA', 'ENOTFOUND'])
})
