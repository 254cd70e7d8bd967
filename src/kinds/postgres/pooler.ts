/**
 * What PgBouncer says. It has one code, 08P01, for its own errors and for those of the server behind it when it cannot
 * log in there, so here, and nowhere else, the text has to tell. Each text was seen from PgBouncer 1.18.
 */
import type { DatabaseError } from 'pg'
import { CheckError } from '../../model/dependency.ts'
import { findFailure } from '../../model/kind.ts'
import { failures } from './failures.ts'

type Meaning = readonly [text: RegExp, detail: string]

/** Errors of the server, relayed without their SQLSTATE. They are in English unless the server translates them. */
const relayed: readonly Meaning[] = [
  [/^password authentication failed for user /, '28P01'],
  [/^pg_hba\.conf rejects |^no pg_hba\.conf entry /, '28000'],
  [/^role ".*" (?:is not permitted to log in|does not exist)$/, '28000'],
  [/^permission denied for database /, '42501'],
  [/^database ".*" does not exist$/, '3D000'],
  [/^(?:too many connections for|remaining connection slots are|sorry, too many clients) ?/, '53300'],
  [/^the database system is /, '57P03'],
]

const own: readonly Meaning[] = [
  [/authentication failed|^no such user|^login rejected$/, 'auth_failed'],
  [/^SSL required$/, 'tls_required'],
  [/^query timeout$/, 'query_timeout'],
  [/^no such database/, 'no_such_object'],
  [/^database ".*" is disabled$/, 'disabled'],
  [/^no more connections allowed|^query_(?:wait_)?timeout/, 'overloaded'],
  [
    /^server login (?:has been failing|failed)|cannot connect to server|\(server down\)$|^server conn crashed/,
    'not_ready',
  ],
]

/** Whether a pooler wrote this error: PostgreSQL names the routine that raised it, and PgBouncer does not. */
export function isPoolerError({ code, routine }: DatabaseError): boolean {
  return code === '08P01' && routine === undefined
}

/** What an error of the pooler stands for. Unknown words are those of a server behind it, perhaps translated. */
export function poolerRefusal(message: string): CheckError {
  if (message.startsWith('unsupported startup parameter'))
    return new CheckError('protocol_error', '08P01', `${message}; set pooler: true`)
  const [, detail] = [...relayed, ...own].find(([text]) => text.test(message)) ?? unknown
  const [reason] = findFailure(failures, detail) ?? failures.pooler_error
  return new CheckError(reason, detail, message)
}

const unknown: Meaning = [/^/, 'pooler_error']
