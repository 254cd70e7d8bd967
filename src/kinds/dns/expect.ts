/** Whether a reply is as expected, and the failures of kind `dns`. */
import { CheckError } from '../../model/dependency.ts'
import type { Failures } from '../../model/failure.ts'
import type { Reply } from './message.ts'
import type { Asked, Expectation } from './options.ts'
import { canonical } from './records.ts'

export const failures: Failures = {
  SERVFAIL: [
    'unhealthy',
    'The server could not resolve the name.',
    'Check the servers of that zone, whether the server reaches them, and DNSSEC.',
  ],
  NXDOMAIN: ['unhealthy', 'The name does not exist.', 'Check the spelling; was the record removed?'],
  REFUSED: [
    'unhealthy',
    'The server does not answer this client, or not for this zone.',
    'Check its access rules, and whether it still has the zone.',
  ],
  FORMERR: [
    'unhealthy',
    'The server does not understand the query, neither with EDNS nor without.',
    'Update the server, or whatever is in front of it.',
  ],
  NOTIMP: ['unhealthy', 'The server does not support such queries.', 'Check what answers on the port.'],
  NOTAUTH: ['unhealthy', 'The server is not authoritative for the zone.', 'Check its zones.'],
  BADVERS: ['unhealthy', 'The server does not support EDNS version 0.', 'Update the server.'],
  NOERROR: [
    'unhealthy',
    'The query succeeds, and `expect.rcode` is different.',
    'Look at the answer; a captive portal or a wildcard record causes this.',
  ],
  unknown_rcode: ['unhealthy', 'A response code that is not listed here.', 'Look at the message.'],
  no_answer: [
    'unhealthy',
    'The name has no record of the type.',
    'Check the zone, or set `expect.minAnswers: 0`.',
  ],
  too_few_answers: ['unhealthy', 'There are fewer records than `expect.minAnswers`.', 'Check the zone.'],
  answer_mismatch: [
    'unhealthy',
    'A record of `expect.answers` is missing.',
    'Look at the message; compare with `dig`.',
  ],
  not_authoritative: [
    'unhealthy',
    'The answer is not authoritative, and `expect.authoritative` is true.',
    'Check that the server has the zone, and that there is no cache in front of it.',
  ],
  authoritative: [
    'unhealthy',
    'The answer is authoritative, and `expect.authoritative` is false.',
    'Check whether this is the intended resolver.',
  ],
  truncated: [
    'unhealthy',
    'The answer does not fit into a datagram, and there is none over TCP, or it is truncated there as well.',
    'Open the TCP port of the server.',
  ],
  wrong_reply: [
    'protocol_error',
    'Nothing that arrived before the deadline was a reply to the query.',
    'Check what answers on the port; somebody may be forging replies.',
  ],
  malformed_reply: [
    'protocol_error',
    'The reply breaks the rules of DNS.',
    'Check what answers on the port.',
  ],
}

/** Returns the first failed expectation, if any. By default, a name must have at least one record of the type. */
export function judge(
  reply: Reply,
  asked: Asked,
  { rcode = 'NOERROR', ...expect }: Partial<Expectation> = {},
): CheckError | undefined {
  if (reply.rcode !== rcode) return wrongCode(reply.rcode, rcode, asked)
  const { answers = [], minAnswers = rcode === 'NOERROR' ? 1 : 0, authoritative } = expect
  return (
    judgeSource(reply, authoritative) ??
    judgeCount(reply, asked, minAnswers) ??
    judgeAnswers(reply, asked, answers)
  )
}

function wrongCode(rcode: Reply['rcode'], expected: string, { name, type }: Asked): CheckError {
  const detail = typeof rcode === 'number' ? 'unknown_rcode' : rcode
  return unhealthy(detail, `the server answers ${rcode} for ${name} ${type}; ${expected} is expected`)
}

function judgeSource({ isAuthoritative }: Reply, wanted: boolean | undefined): CheckError | undefined {
  if (wanted === undefined || wanted === isAuthoritative) return undefined
  return isAuthoritative
    ? unhealthy('authoritative', 'the answer is authoritative')
    : unhealthy('not_authoritative', 'the answer is not authoritative')
}

function judgeCount({ answers }: Reply, { name, type }: Asked, min: number): CheckError | undefined {
  if (answers.length >= min) return undefined
  if (answers.length === 0) return unhealthy('no_answer', `${name} has no ${type} record`)
  const message = `${name} has ${answers.length} of at least ${min} ${type} records: ${answers.join(', ')}`
  return unhealthy('too_few_answers', message)
}

function judgeAnswers(
  { answers }: Reply,
  { type }: Asked,
  expected: readonly string[],
): CheckError | undefined {
  const found = new Set(answers.map(answer => canonical(type, answer)))
  const missing = expected.filter(answer => !found.has(canonical(type, answer)))
  if (missing.length === 0) return undefined
  return unhealthy(
    'answer_mismatch',
    `missing from the answer: ${missing.join(', ')}; it is ${answers.join(', ')}`,
  )
}

function unhealthy(detail: string, message: string): CheckError {
  return new CheckError('unhealthy', detail, message)
}
