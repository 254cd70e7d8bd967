/** How protocols of lines are asked for TLS: SMTP (RFC 3207), IMAP (RFC 9051), POP3 (RFC 2595) and FTP (RFC 4217). */
import { type Conversation, notSpoken, quote, receiveLine, refused, turnedAway } from './conversation.ts'

export async function askSmtp(conversation: Conversation): Promise<void> {
  const greeting = await receiveReply(conversation, 'SMTP')
  if (greeting.code !== '220') throw turnedAway(greeting.last)
  conversation.send(`EHLO ${addressLiteral(conversation.localAddress)}\r\n`)
  const hello = await receiveReply(conversation, 'SMTP')
  if (hello.code !== '250') throw refused(`the server answers EHLO with ${quote(hello.last)}`)
  if (!hello.lines.some(line => /^250[ -]STARTTLS\s*$/i.test(line)))
    throw refused('the server offers no STARTTLS')
  conversation.send('STARTTLS\r\n')
  accept(await receiveReply(conversation, 'SMTP'), '220', 'STARTTLS')
}

export async function askFtp(conversation: Conversation): Promise<void> {
  let greeting = await receiveReply(conversation, 'FTP')
  // RFC 959, section 5.4: 120 announces a delay, and 220 follows.
  if (greeting.code === '120') greeting = await receiveReply(conversation, 'FTP')
  if (greeting.code !== '220') throw turnedAway(greeting.last)
  conversation.send('AUTH TLS\r\n')
  accept(await receiveReply(conversation, 'FTP'), '234', 'AUTH TLS')
}

export async function askPop3(conversation: Conversation): Promise<void> {
  const greeting = await receiveStatus(conversation)
  if (!greeting.startsWith('+OK')) throw turnedAway(greeting)
  conversation.send('STLS\r\n')
  const answer = await receiveStatus(conversation)
  if (!answer.startsWith('+OK')) throw refused(`the server answers STLS with ${quote(answer)}`)
}

export async function askImap(conversation: Conversation): Promise<void> {
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

/** A reply of three digits, which goes on while a line does not begin with them and a space (RFC 959, section 4.2). */
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

function accept({ code, last }: Reply, wanted: string, command: string): void {
  if (code !== wanted) throw refused(`the server answers ${command} with ${quote(last)}`)
}

async function receiveStatus(conversation: Conversation): Promise<string> {
  const line = await receiveLine(conversation)
  if (!/^(?:\+OK|-ERR)\b/.test(line)) throw notSpoken('POP3')
  return line
}

/** The answer to our command, after whatever else the server has to tell. */
async function receiveTagged(conversation: Conversation): Promise<string> {
  for (;;) {
    const line = await receiveLine(conversation)
    if (/^a (?:OK|NO|BAD)\b/i.test(line)) return line
    if (!line.startsWith('* ')) throw notSpoken('IMAP')
  }
}

/** What a client without a name says (RFC 5321, section 4.1.4). */
function addressLiteral(address: string): string {
  return address.includes(':') ? `[IPv6:${address}]` : `[${address}]`
}
