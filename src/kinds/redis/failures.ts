/** What redis names itself. The details of the server's error replies are their prefixes. */
import type { Failure, Failures } from '../../model/kind.ts'

const moving: Failure = [
  'unhealthy',
  'The cluster is not whole, or is moving slots.',
  'Wait for the move to end; look at `CLUSTER INFO`.',
]

export const failures = {
  WRONGPASS: ['auth_error', 'The user or the password is wrong.', 'Check them; were they rotated?'],
  NOAUTH: ['auth_error', 'A password is required.', 'Set `passwordFile`.'],
  NOPERM: [
    'auth_error',
    'The ACL user may not use a command or a key.',
    'Allow `PING`, and `ROLE` or `SETRANGE` where they are asked for.',
  ],
  DENIED: [
    'auth_error',
    'Protected mode refuses other machines.',
    'Configure a password or a bind address on the server.',
  ],

  LOADING: ['unhealthy', 'The server is loading its data.', 'Wait.'],
  BUSY: ['unhealthy', 'A script is running and blocks the server.', '`SCRIPT KILL`.'],
  MASTERDOWN: ['unhealthy', 'A replica has lost its master.', 'Look at the master and the link.'],
  MISCONF: ['unhealthy', 'The server cannot persist, and refuses writes.', 'Look at its disk and log.'],
  OOM: ['unhealthy', '`maxmemory` is reached.', 'Free memory, or raise the limit.'],
  READONLY: ['unhealthy', 'A replica, where writing is asked for.', 'Point the URL at the master.'],
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
    ['auth_error', 'The login was refused for another cause.', 'Look at the message.'],
  ],

  read_only: [
    'unhealthy',
    'A replica, where a master is asked for.',
    'Was there a failover? Point the URL at the master.',
  ],
  wrong_role: [
    'unhealthy',
    'A master, where a replica is asked for; or a server that is neither.',
    'Was there a failover? Point the URL at a replica.',
  ],
  overloaded: [
    'unhealthy',
    '`maxclients` is reached.',
    'Raise the limit, or find out who holds the connections.',
  ],
  not_ready: ['unhealthy', 'The cluster does not serve all of its slots.', 'Look at `CLUSTER INFO`.'],
  no_such_object: [
    'unhealthy',
    'There is no such database number or master name, or no living replica.',
    'Check the name or the number.',
  ],
} satisfies Failures
