/** Whether a reply is as expected. Pure. */
import { CheckError } from '../../model/dependency.ts'
import type { Reply } from './message.ts'
import type { Asked, Expectation } from './options.ts'
import { canonical } from './records.ts'

/** The first thing that is not as expected, if any. By default a name must have at least one record of the type. */
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
    ? unhealthy('authoritative', 'the answer comes from an authority of the zone')
    : unhealthy('not_authoritative', 'the answer does not come from an authority of the zone')
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
