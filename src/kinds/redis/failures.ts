/** The failures of kind `redis`, and which of them an error reply is. The detail of an error reply is its prefix. */
import { CheckError } from '../../model/dependency.ts'
import { type Failure, type Failures, findFailure, type Reason } from '../../model/failure.ts'

const moving: Failure = [
  'unhealthy',
  'The cluster is incomplete, or is moving slots.',
  'Wait for the migration to end; look at `CLUSTER INFO`.',
]

export const failures = {
  WRONGPASS: [
    'auth_error',
    'The user or the password is wrong.',
    'Check them, and whether they were rotated.',
  ],
  NOAUTH: ['auth_error', 'A password is required.', 'Set `passwordFile`.'],
  NOPERM: [
    'auth_error',
    'The ACL user has no permission for a command or a key.',
    'Allow `PING`, also `ROLE` if `role` is set, and `SETRANGE` if `writable` is set.',
  ],
  DENIED: [
    'auth_error',
    'Protected mode refuses connections from other machines.',
    'Configure a password or a bind address on the server.',
  ],

  LOADING: ['unhealthy', 'The server is loading its data.', 'Wait.'],
  BUSY: ['unhealthy', 'A script is running and blocks the server.', 'Use `SCRIPT KILL`.'],
  MASTERDOWN: ['unhealthy', 'A replica has lost its master.', 'Look at the master and the link to it.'],
  MISCONF: [
    'unhealthy',
    'The server cannot persist its data, and refuses writes.',
    'Look at its disk and log.',
  ],
  OOM: ['unhealthy', '`maxmemory` is reached.', 'Free memory, or raise the limit.'],
  READONLY: ['unhealthy', 'The server is a replica, and `writable` is set.', 'Point the URL at the master.'],
  NOREPLICAS: [
    'unhealthy',
    'There are fewer replicas than `min-replicas-to-write`.',
    'Look at the replicas.',
  ],
  CLUSTERDOWN: moving,
  MOVED: moving,
  ASK: moving,
  TRYAGAIN: moving,
  ERR: [
    ['unhealthy', 'Any other error reply.', 'Look at the message.'],
    ['auth_error', 'The login was refused for another reason.', 'Look at the message.'],
  ],

  read_only: [
    'unhealthy',
    'The server is a replica, and `role: master` is set.',
    'Check whether there was a failover; point the URL at the master.',
  ],
  wrong_role: [
    'unhealthy',
    'The server is a master, and `role: replica` is set; or it is neither.',
    'Check whether there was a failover; point the URL at a replica.',
  ],
  overloaded: [
    'unhealthy',
    '`maxclients` is reached.',
    'Raise the limit, or find out what holds the connections.',
  ],
  not_ready: ['unhealthy', 'The cluster does not serve all its slots.', 'Look at `CLUSTER INFO`.'],
  no_such_object: [
    'unhealthy',
    'There is no such database number or master name, or no live replica.',
    'Check the name or the number.',
  ],
  client_disconnected: [
    'connection_error',
    "The application's client has no connection to the server.",
    'Look at the errors of the client; it reconnects by itself unless its status is `end`.',
  ],
} satisfies Failures

/** Errors that only their text distinguishes. */
const texts: readonly (readonly [RegExp, detail: string])[] = [
  [/^ERR max number of clients/, 'overloaded'],
  [/^ERR (?:DB index is out of range|invalid DB index)/, 'no_such_object'],
  [/^ERR No such master with that name/, 'no_such_object'],
  // Redis before 6.
  [/^ERR invalid password/, 'WRONGPASS'],
  [/^ERR operation not permitted/, 'NOAUTH'],
]

/** The ERR replies to AUTH that do not quote what was sent. The error of an unknown command quotes its arguments. */
const harmless = /^ERR (?:max number|invalid password|AUTH <password> called|Client sent AUTH)/

/** Names the failure behind an error reply to a command. */
export function nameErrorReply(command: string, text: string): CheckError {
  const code = codeOf(text)
  const isLogin = command === 'AUTH'
  const quotable = !isLogin || code !== 'ERR' || harmless.test(text)
  const [, detail = code] = texts.find(([pattern]) => pattern.test(text)) ?? []
  const reason = isLogin && detail === 'ERR' ? 'auth_error' : reasonOf(detail)
  return new CheckError(reason, detail, `${command}: ${quotable ? text : 'refused'}`)
}

/** The prefix of the reply if it is a known one, otherwise `ERR`, so that a server cannot invent details. */
function codeOf(text: string): string {
  const [prefix = ''] = text.split(' ', 1)
  return /^[A-Z]+$/.test(prefix) && Object.hasOwn(failures, prefix) ? prefix : 'ERR'
}

function reasonOf(detail: string): Reason {
  const [reason] = findFailure(failures, detail) ?? failures.ERR[0]
  return reason
}
