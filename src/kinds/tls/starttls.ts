/**
 * The protocols that begin in clear text, and how each is asked for TLS. The protocols of lines are SMTP (RFC 3207), IMAP
 * (RFC 9051), POP3 (RFC 2595) and FTP (RFC 4217).
 */
import type { Socket } from 'node:net'
import type { CheckContext } from '../../model/dependency.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import { waitFor } from '../shared/socket.ts'
import { requestPostgresTls } from '../shared/tls.ts'
import {
  type Conversation,
  converse,
  notSpoken,
  quote,
  receiveLine,
  refused,
  turnedAway,
} from './conversation.ts'
import { askLdap, unbind } from './ldap.ts'
import { askMysql, isMysqlGreeting, leaveMysql } from './mysql.ts'

export const protocols = ['smtp', 'imap', 'pop3', 'ftp', 'ldap', 'postgres', 'mysql'] as const
export type Protocol = (typeof protocols)[number]

export interface StartTls {
  readonly port: number
  /** Resolves when the server waits for the handshake; throws when it refuses. */
  readonly ask: (socket: Socket) => Promise<void>
  /** Ends the session inside TLS as the protocol requires. Servers log or count connections that just close. */
  readonly leave?: ((socket: Socket) => Promise<void>) | undefined
}

export const startTls: Readonly<Record<Protocol, StartTls>> = {
  smtp: { port: 25, ask: startBy(askSmtp), leave: leaveBy('QUIT\r\n') },
  imap: { port: 143, ask: startBy(askImap), leave: leaveBy('b LOGOUT\r\n') },
  pop3: { port: 110, ask: startBy(askPop3), leave: leaveBy('QUIT\r\n') },
  ftp: { port: 21, ask: startBy(askFtp), leave: leaveBy('QUIT\r\n') },
  ldap: { port: 389, ask: startBy(askLdap), leave: leaveBy(unbind) },
  postgres: { port: 5432, ask: askPostgres },
  mysql: { port: 3306, ask: startBy(askMysql), leave: startBy(leaveMysql) },
}

function startBy(talk: (conversation: Conversation) => Promise<void>): StartTls['ask'] {
  return socket => converse(socket, talk)
}

function leaveBy(farewell: string | Buffer): StartTls['ask'] {
  return async socket => void socket.write(farewell)
}

async function askPostgres(socket: Socket): Promise<void> {
  if (!(await requestPostgresTls(socket, 'remove startTls'))) throw refused('TLS is off on the server')
}

/** Servers that greet do so at once; the others are not waited for. */
const greetingMs = 500

/**
 * Names the protocol that a server speaks in clear text, by its greeting on another connection. Best effort: undefined if
 * it does not greet soon, or not in a protocol that is known here.
 */
export async function recognizeProtocol(
  server: ConnectOptions,
  context: CheckContext,
): Promise<Protocol | undefined> {
  const untraced = { ...context, enter() {}, measure() {} }
  const socket = await connect(server, untraced).catch(() => undefined)
  if (socket === undefined) return undefined
  const timer = setTimeout(() => socket.destroy(), greetingMs)
  try {
    return protocolOf(await waitFor(socket, 'data'), server.port)
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/** SMTP and FTP greet with the same code. */
function protocolOf(greeting: Buffer, port: number): Protocol | undefined {
  const text = greeting.toString('latin1')
  if (/^220[ -]/.test(text)) return /ftp/i.test(text) || port === startTls.ftp.port ? 'ftp' : 'smtp'
  if (/^\* (?:OK|PREAUTH|BYE)\b/i.test(text)) return 'imap'
  if (/^\+OK\b/.test(text)) return 'pop3'
  return isMysqlGreeting(greeting) ? 'mysql' : undefined
}

async function askSmtp(conversation: Conversation): Promise<void> {
  const greeting = await receiveReply(conversation, 'SMTP')
  if (greeting.code !== '220') throw turnedAway(greeting.last)
  conversation.send(`EHLO ${formatAddressLiteral(conversation.localAddress)}\r\n`)
  const hello = await receiveReply(conversation, 'SMTP')
  if (hello.code !== '250') throw refused(`the server answers EHLO with ${quote(hello.last)}`)
  if (!hello.lines.some(line => /^250[ -]STARTTLS\s*$/i.test(line)))
    throw refused('the server offers no STARTTLS')
  conversation.send('STARTTLS\r\n')
  verifyCode(await receiveReply(conversation, 'SMTP'), '220', 'STARTTLS')
}

async function askFtp(conversation: Conversation): Promise<void> {
  let greeting = await receiveReply(conversation, 'FTP')
  // RFC 959, section 5.4: 120 announces a delay, and 220 follows.
  if (greeting.code === '120') greeting = await receiveReply(conversation, 'FTP')
  if (greeting.code !== '220') throw turnedAway(greeting.last)
  conversation.send('AUTH TLS\r\n')
  verifyCode(await receiveReply(conversation, 'FTP'), '234', 'AUTH TLS')
}

async function askPop3(conversation: Conversation): Promise<void> {
  const greeting = await receiveStatus(conversation)
  if (!greeting.startsWith('+OK')) throw turnedAway(greeting)
  conversation.send('STLS\r\n')
  const answer = await receiveStatus(conversation)
  if (!answer.startsWith('+OK')) throw refused(`the server answers STLS with ${quote(answer)}`)
}

async function askImap(conversation: Conversation): Promise<void> {
  const greeting = await receiveLine(conversation)
  if (!/^\* (?:OK|PREAUTH|BYE)\b/i.test(greeting)) throw notSpoken('IMAP')
  if (/^\* BYE\b/i.test(greeting)) throw turnedAway(greeting)
  conversation.send('a STARTTLS\r\n')
  const answer = await receiveTagged(conversation)
  if (!/^a OK\b/i.test(answer)) throw refused(`the server answers STARTTLS with ${quote(answer)}`)
}

interface Reply {
  readonly code: string
  readonly lines: readonly string[]
  readonly last: string
}

/** Receives a reply with a code of three digits. It ends with the line that has the code and a space (RFC 959, section 4.2). */
async function receiveReply(conversation: Conversation, protocol: string): Promise<Reply> {
  const first = await receiveLine(conversation)
  const [, code, more] = /^([1-5]\d\d)(?:$|([ -]))/.exec(first) ?? []
  if (code === undefined) throw notSpoken(protocol)
  const lines = [first]
  let last = first
  while (more === '-' && (lines.length === 1 || !isLast(last, code))) {
    last = await receiveLine(conversation)
    lines.push(last)
  }
  return { code, lines, last }
}

function isLast(line: string, code: string): boolean {
  return line === code || line.startsWith(`${code} `)
}

function verifyCode({ code, last }: Reply, wanted: string, command: string): void {
  if (code !== wanted) throw refused(`the server answers ${command} with ${quote(last)}`)
}

async function receiveStatus(conversation: Conversation): Promise<string> {
  const line = await receiveLine(conversation)
  if (!/^(?:\+OK|-ERR)\b/.test(line)) throw notSpoken('POP3')
  return line
}

/** Receives the answer to our command and skips what the server sends before it. */
async function receiveTagged(conversation: Conversation): Promise<string> {
  for (;;) {
    const line = await receiveLine(conversation)
    if (/^a (?:OK|NO|BAD)\b/i.test(line)) return line
    if (!line.startsWith('* ')) throw notSpoken('IMAP')
  }
}

/** How a client without a name introduces itself (RFC 5321, section 4.1.4). */
function formatAddressLiteral(address: string): string {
  return address.includes(':') ? `[IPv6:${address}]` : `[${address}]`
}
