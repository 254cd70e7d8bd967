/** Error replies of Redis → reason and detail. Pure. */
import { CheckError, type Reason } from '../../model/dependency.ts'
import { findFailure } from '../../model/kind.ts'
import { failures } from './failures.ts'

/** Errors that only their text tells apart. */
const told: readonly (readonly [RegExp, detail: string])[] = [
  [/^ERR max number of clients/, 'overloaded'],
  [/^ERR (?:DB index is out of range|invalid DB index)/, 'no_such_object'],
  [/^ERR No such master with that name/, 'no_such_object'],
  // Redis before 6.
  [/^ERR invalid password/, 'WRONGPASS'],
  [/^ERR operation not permitted/, 'NOAUTH'],
]

/** The ERR replies to AUTH that are known not to quote what was sent: an unknown command's error quotes its arguments. */
const harmless = /^ERR (?:max number|invalid password|AUTH <password> called|Client sent AUTH)/

/** The failure that an error reply to a command stands for. */
export function refusal(command: string, text: string): CheckError {
  const code = codeOf(text)
  const isLogin = command === 'AUTH'
  const quotable = !isLogin || code !== 'ERR' || harmless.test(text)
  const [, detail = code] = told.find(([pattern]) => pattern.test(text)) ?? []
  const reason = isLogin && detail === 'ERR' ? 'auth_error' : reasonOf(detail)
  return new CheckError(reason, detail, `${command}: ${quotable ? text : 'refused'}`)
}

/** The prefix of the reply if it is a known one, or else `ERR`, so that a server cannot make up details. */
function codeOf(text: string): string {
  const [prefix = ''] = text.split(' ', 1)
  return /^[A-Z]+$/.test(prefix) && Object.hasOwn(failures, prefix) ? prefix : 'ERR'
}

function reasonOf(detail: string): Reason {
  const [reason] = findFailure(failures, detail) ?? failures.ERR[0]
  return reason
}
