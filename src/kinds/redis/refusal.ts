/** Error replies of Redis → reason and detail. Pure. */
import { CheckError, type Reason } from '../../model/dependency.ts'

/**
 * What an error reply means, by its prefix: the closed set of details, and whether the server is unwell or we are not
 * let in. Any other prefix reads as `ERR`, so that a server cannot make up details.
 */
const reasonOf: ReadonlyMap<string, Reason> = new Map([
  ['LOADING', 'unhealthy'],
  ['BUSY', 'unhealthy'],
  ['MASTERDOWN', 'unhealthy'],
  ['MISCONF', 'unhealthy'],
  ['OOM', 'unhealthy'],
  ['READONLY', 'unhealthy'],
  ['NOREPLICAS', 'unhealthy'],
  ['CLUSTERDOWN', 'unhealthy'],
  ['MOVED', 'unhealthy'],
  ['ASK', 'unhealthy'],
  ['TRYAGAIN', 'unhealthy'],
  ['NOAUTH', 'auth_error'],
  ['WRONGPASS', 'auth_error'],
  ['NOPERM', 'auth_error'],
  ['DENIED', 'auth_error'],
])

/** Errors that only their text tells apart. */
const told: readonly (readonly [RegExp, Reason, string])[] = [
  [/^ERR max number of clients/, 'unhealthy', 'overloaded'],
  [/^ERR (?:DB index is out of range|invalid DB index)/, 'unhealthy', 'no_such_object'],
  [/^ERR No such master with that name/, 'unhealthy', 'no_such_object'],
  // Redis before 6.
  [/^ERR invalid password/, 'auth_error', 'WRONGPASS'],
  [/^ERR operation not permitted/, 'auth_error', 'NOAUTH'],
]

/** The ERR replies to AUTH that are known not to quote what was sent: an unknown command's error quotes its arguments. */
const harmless = /^ERR (?:max number|invalid password|AUTH <password> called|Client sent AUTH)/

/** The failure that an error reply to a command stands for. */
export function refusal(command: string, text: string): CheckError {
  const prefix = text.split(' ', 1)[0] ?? ''
  const known = reasonOf.get(prefix)
  const quotable = command !== 'AUTH' || known !== undefined || harmless.test(text)
  const message = `${command}: ${quotable ? text : 'refused'}`
  for (const [pattern, reason, detail] of told)
    if (pattern.test(text)) return new CheckError(reason, detail, message)
  if (known !== undefined) return new CheckError(known, prefix, message)
  return new CheckError(command === 'AUTH' ? 'auth_error' : 'unhealthy', 'ERR', message)
}
