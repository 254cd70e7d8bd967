/**
 * What postgres names itself. The details of the server's errors are their SQLSTATEs (PostgreSQL documentation, appendix
 * A): most say that the server is unwell or that the query cannot run, and so they are unhealthy but for those listed here.
 */
import type { Failures } from '../../model/kind.ts'

export const failures = {
  '57014': [
    [
      'unhealthy',
      'The query was cancelled on the server, by an administrator or by a limit that is set there.',
      'Find out who cancels it; look for a `statement_timeout` of the role.',
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
    'TLS is switched off on the server, or the server does not know `sslNegotiation: direct`.',
    'Switch it on there, or use `sslmode=disable`; direct negotiation needs PostgreSQL 17.',
  ],
  tls_required: [
    'tls_error',
    'PgBouncer accepts connections over TLS only.',
    'Set `tls`, or `sslmode=require`.',
  ],

  '28P01': ['auth_error', 'The password is wrong.', 'Check the password; was it rotated?'],
  '28*': [
    'auth_error',
    'The role may not log in, or `pg_hba.conf` refuses it.',
    'Check the role and `pg_hba.conf`.',
  ],
  '42501': ['auth_error', 'The role lacks a right that the query needs.', 'Grant it, or change `query`.'],
  no_password: [
    'auth_error',
    'The server asks for a password, and none is configured.',
    'Set `passwordFile`.',
  ],
  cleartext_refused: [
    'auth_error',
    'The server wants the password in clear over a connection that others can read.',
    'Use TLS, or SCRAM on the server.',
  ],
  auth_failed: ['auth_error', 'The pooler refused the login.', "Check the pooler's users."],
  auth_method_unsupported: [
    'auth_error',
    'The server demands Kerberos, GSSAPI, SSPI or another method that Pulsecheck does not support.',
    'Allow `scram-sha-256` for the user in `pg_hba.conf`.',
  ],

  '08*': [
    'protocol_error',
    'A protocol violation, or a pooler that refuses a startup parameter (`08P01`).',
    'With a pooler, set `pooler: true`.',
  ],

  '53300': [
    'unhealthy',
    'No connection slots are left.',
    'Raise `max_connections`, or find out who holds the connections.',
  ],
  '57P03': ['unhealthy', 'The server is starting, stopping or recovering.', 'Wait; look at its log.'],
  '3D000': ['unhealthy', 'The database does not exist.', 'Check the name.'],
  '53100': [
    'unhealthy',
    'The disk of the server is full, where `writable` is asked for.',
    'Free space on the disk of its tablespace.',
  ],
  '53400': [
    'unhealthy',
    '`temp_file_limit` forbids the file of 50 kB that `writable` writes.',
    'Raise that limit for the role.',
  ],
  '42P01': ['unhealthy', 'The query names a table that does not exist.', 'Create it, or change `query`.'],
  '?????': [
    'unhealthy',
    'Any other SQLSTATE of the server.',
    "Look the code up in appendix A of PostgreSQL's documentation.",
  ],
  read_only: [
    'unhealthy',
    'A standby or a read-only server, where a primary or writing is asked for.',
    'Was there a failover? Point the URL at the primary.',
  ],
  wrong_role: [
    'unhealthy',
    'A primary, where a standby is asked for.',
    'Was there a failover? Point the URL at a standby.',
  ],
  overloaded: [
    'unhealthy',
    'The pooler has no connection to give: all are in use, the database is paused or its server is away. Or the server cannot fork.',
    'Raise the limit, or find out who holds the connections; see `SHOW POOLS`.',
  ],
  not_ready: ['unhealthy', 'The pooler cannot reach its server.', 'Look at the server behind the pooler.'],
  disabled: ['unhealthy', 'The database is disabled in the pooler.', '`ENABLE` it there.'],
  no_such_object: ['unhealthy', 'The pooler does not know the database.', 'Check the name.'],
  pooler_error: [
    'unhealthy',
    'The pooler reports an error that Pulsecheck does not know, such as a translated message of its server.',
    "Look at the message. PgBouncer does not pass on the server's code.",
  ],
} satisfies Failures
