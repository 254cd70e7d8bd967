/**
 * The failures of kind `postgres`, and which of them an error of the server or of a pooler is. The detail of a server's
 * error is its SQLSTATE (PostgreSQL documentation, appendix A). Unless listed here, it is `unhealthy`: most of them say
 * that the server is in trouble or that the query cannot run.
 */
import type { DatabaseError } from 'pg'
import { CheckError } from '../../model/dependency.ts'
import { type Failures, findFailure } from '../../model/failure.ts'

export const failures = {
  '57014': [
    [
      'unhealthy',
      'The query was cancelled on the server, by an administrator or by a limit set there.',
      'Find out what cancels it; check whether the role has a `statement_timeout`.',
    ],
    [
      'timeout',
      'The server stopped the query shortly before the deadline of the check.',
      'Look for locks in `pg_stat_activity`; use a cheaper `query`.',
    ],
  ],
  query_timeout: [
    'timeout',
    "The query took longer than PgBouncer's `query_timeout`.",
    'Look for locks in `pg_stat_activity`, use a cheaper `query`, or raise that limit.',
  ],

  tls_protocol: [
    'tls_error',
    'TLS is off on the server, or the server does not support `sslNegotiation: direct`.',
    'Turn TLS on there, or use `sslmode=disable`; direct negotiation needs PostgreSQL 17.',
  ],
  tls_required: [
    'tls_error',
    'PgBouncer accepts connections over TLS only.',
    'Set `tls`, or `sslmode=require`.',
  ],

  '28P01': ['auth_error', 'The password is wrong.', 'Check the password, and whether it was rotated.'],
  '28*': [
    'auth_error',
    'The role is not allowed to log in, or `pg_hba.conf` rejects it.',
    'Check the role and `pg_hba.conf`.',
  ],
  '42501': ['auth_error', 'The role lacks a privilege that the query needs.', 'Grant it, or change `query`.'],
  no_password: [
    'auth_error',
    'The server asks for a password, and none is configured.',
    'Set `passwordFile`.',
  ],
  cleartext_refused: [
    'auth_error',
    'The server asks for the password in clear text over a connection that others can read.',
    'Use TLS, or configure SCRAM on the server.',
  ],
  auth_failed: ['auth_error', 'The pooler refused the login.', "Check the pooler's users."],
  auth_method_unsupported: [
    'auth_error',
    'The server demands Kerberos, GSSAPI, SSPI or another method that Pulsecheck does not support.',
    'Allow `scram-sha-256` for the user in `pg_hba.conf`.',
  ],

  '08*': [
    'protocol_error',
    'A protocol violation, or a pooler that rejects a startup parameter (`08P01`).',
    'If the server is a pooler, set `pooler: true`.',
  ],

  '53300': [
    'unhealthy',
    'No connection slots are left.',
    'Raise `max_connections`, or find out what holds the connections.',
  ],
  '57P03': ['unhealthy', 'The server is starting, stopping or recovering.', 'Wait, and look at its log.'],
  '3D000': ['unhealthy', 'The database does not exist.', 'Check the name.'],
  '53100': [
    'unhealthy',
    "The server's disk is full. Reported with `writable`.",
    'Free space on the disk that holds its tablespace.',
  ],
  '53400': [
    'unhealthy',
    '`temp_file_limit` does not allow the 50 kB file that `writable` writes.',
    'Raise that limit for the role.',
  ],
  '42P01': ['unhealthy', 'The query refers to a table that does not exist.', 'Create it, or change `query`.'],
  '?????': [
    'unhealthy',
    'Any other SQLSTATE of the server.',
    "Look the code up in appendix A of PostgreSQL's documentation.",
  ],
  read_only: [
    'unhealthy',
    'The server is a standby or read-only, and `role: primary` or `writable` is set.',
    'Check whether there was a failover; point the URL at the primary.',
  ],
  wrong_role: [
    'unhealthy',
    'The server is a primary, and `role: standby` is set.',
    'Check whether there was a failover; point the URL at a standby.',
  ],
  overloaded: [
    'unhealthy',
    'The pooler has no free connection: all are in use, the database is paused, or its server is down. Or the server cannot fork.',
    'Raise the limit, or find out what holds the connections; see `SHOW POOLS`.',
  ],
  not_ready: ['unhealthy', 'The pooler cannot reach its server.', 'Look at the server behind the pooler.'],
  disabled: ['unhealthy', 'The database is disabled in the pooler.', '`ENABLE` it there.'],
  no_such_object: ['unhealthy', 'The pooler does not know the database.', 'Check the name.'],
  pooler_error: [
    'unhealthy',
    'The pooler reports an error that Pulsecheck does not recognize, such as a localized message of its server.',
    "Look at the message: PgBouncer does not pass on the server's code.",
  ],
  pool_exhausted: [
    'unhealthy',
    "Every connection of the application's pool is in use. This says nothing against the database.",
    'Find out who holds the connections: long transactions, a missing `release()`. Or raise `max`.',
  ],
  pool_ended: ['unhealthy', 'The application has ended its pool.', 'Remove the dependency before that.'],
} satisfies Failures

/** Whether an error is the server's own message. A borrowed client may come from another copy of the driver. */
export function isServerError(error: unknown): error is DatabaseError {
  return error instanceof Error && 'severity' in error && 'code' in error
}

const queryCanceled = '57014'

/**
 * Names the failure behind an error message of the server; its SQLSTATE becomes the detail.
 *
 * @param limitPassed whether the query has used up the time we gave it. The same code reports that our limit has passed
 *   and that somebody has cancelled the query, and the text may be localized, so it decides nothing.
 */
export function nameServerError(error: DatabaseError, limitPassed = false): CheckError {
  const { code = '', message, routine } = error
  if (!/^[0-9A-Z]{5}$/.test(code)) return new CheckError('protocol_error', 'protocol_error', message)
  // PostgreSQL names the routine that raised an error, and PgBouncer does not.
  if (code === '08P01' && routine === undefined) return namePoolerError(message)
  if (code === queryCanceled && limitPassed) return new CheckError('timeout', '57014', message)
  const [reason] = findFailure(failures, code) ?? failures['?????']
  return new CheckError(reason, code, message)
}

/**
 * PgBouncer uses one code, 08P01, for its own errors and for those of a server where it cannot log in. So here, and only
 * here, the text decides. Each text was seen from PgBouncer 1.18. The first group are errors of the server, relayed
 * without their SQLSTATE; they are in English unless the server localizes them.
 */
const poolerTexts: readonly (readonly [text: RegExp, detail: string])[] = [
  [/^password authentication failed for user /, '28P01'],
  [/^pg_hba\.conf rejects |^no pg_hba\.conf entry /, '28000'],
  [/^role ".*" (?:is not permitted to log in|does not exist)$/, '28000'],
  [/^permission denied for database /, '42501'],
  [/^database ".*" does not exist$/, '3D000'],
  [/^(?:too many connections for|remaining connection slots are|sorry, too many clients) ?/, '53300'],
  [/^the database system is /, '57P03'],

  [/authentication failed|^no such user|^login rejected$/, 'auth_failed'],
  [/^SSL required$/, 'tls_required'],
  [/^query timeout$/, 'query_timeout'],
  [/^no such database/, 'no_such_object'],
  [/^database ".*" is disabled$/, 'disabled'],
  [/^no more connections allowed|^query_(?:wait_)?timeout/, 'overloaded'],
  [/^server login (?:has been failing|failed)|cannot connect to server/, 'not_ready'],
  [/\(server down\)$|^server conn crashed/, 'not_ready'],
]

function namePoolerError(message: string): CheckError {
  if (message.startsWith('unsupported startup parameter'))
    return new CheckError('protocol_error', '08P01', `${message}; set pooler: true`)
  const [, detail = 'pooler_error'] = poolerTexts.find(([text]) => text.test(message)) ?? []
  const [reason] = findFailure(failures, detail) ?? failures.pooler_error
  return new CheckError(reason, detail, message)
}
