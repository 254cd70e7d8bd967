/** The protocols that begin in the clear, and how each is asked for TLS. */
import type { Socket } from 'node:net'
import { agreesToTls } from '../shared/postgres-tls.ts'
import { type Conversation, converse, refused } from './conversation.ts'
import { askLdap, unbind } from './ldap.ts'
import { askMysql, leaveMysql } from './mysql.ts'
import { askFtp, askImap, askPop3, askSmtp } from './text.ts'

export const protocols = ['smtp', 'imap', 'pop3', 'ftp', 'ldap', 'postgres', 'mysql'] as const
export type Protocol = (typeof protocols)[number]

export interface StartTls {
  readonly port: number
  /** Resolves when the server waits for the handshake; throws when it refuses. */
  readonly ask: (socket: Socket) => Promise<void>
  /** Ends the session inside TLS as the protocol has it. Servers log, or count, those that just end. */
  readonly leave?: (socket: Socket) => Promise<void>
}

export const startTls: Readonly<Record<Protocol, StartTls>> = {
  smtp: { port: 25, ask: by(askSmtp), leave: say('QUIT\r\n') },
  imap: { port: 143, ask: by(askImap), leave: say('b LOGOUT\r\n') },
  pop3: { port: 110, ask: by(askPop3), leave: say('QUIT\r\n') },
  ftp: { port: 21, ask: by(askFtp), leave: say('QUIT\r\n') },
  ldap: { port: 389, ask: by(askLdap), leave: say(unbind) },
  postgres: { port: 5432, ask: askPostgres },
  mysql: { port: 3306, ask: by(askMysql), leave: by(leaveMysql) },
}

function by(talk: (conversation: Conversation) => Promise<void>): StartTls['ask'] {
  return socket => converse(socket, talk)
}

function say(farewell: string | Buffer): StartTls['ask'] {
  return async socket => void socket.write(farewell)
}

async function askPostgres(socket: Socket): Promise<void> {
  if (!(await agreesToTls(socket))) throw refused('the server has TLS switched off')
}
