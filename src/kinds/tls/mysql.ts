/** How MySQL and MariaDB are asked for TLS (protocol documentation, "Connection Phase"), and how a connection ends. */
import { type Conversation, type Message, notSpoken, refused, turnedAway } from './conversation.ts'

const headerBytes = 4
const protocolVersion = 10

/** First bytes of packets. */
const ok = 0x00
const authSwitch = 0xfe
const error = 0xff
const quit = 0x01

/** Capability flags. */
const clientProtocol41 = 0x0200
const clientSsl = 0x0800
const clientSecureConnection = 0x8000
const clientPluginAuth = 0x80000

const utf8mb4 = 45

/** Much more than any greeting. */
const maxLength = 4_096

/** TLS follows at once: the server sends no go-ahead. */
export async function askMysql(conversation: Conversation): Promise<void> {
  const { sequence, body: greeting } = await conversation.receive(parsePacket)
  if (sequence !== 0) throw notSpoken("MySQL's protocol")
  if (greeting[0] === error) throw turnedAway(errorText(greeting))
  if (greeting[0] !== protocolVersion) throw notSpoken("MySQL's protocol")
  if ((capabilitiesOf(greeting) & clientSsl) === 0) throw refused('the server offers no TLS')
  conversation.send(packet(1, loginHead()))
}

/**
 * Ends with a login without a password, which the server refuses. A server counts connections that end without a login,
 * and blocks the whole host after `max_connect_errors` of them (MySQL reference manual, "Host 'host_name' is blocked").
 */
export async function leaveMysql({ send, receive }: Conversation): Promise<void> {
  const credentials = Buffer.from('pulsecheck\0\0mysql_native_password\0')
  send(packet(2, Buffer.concat([loginHead(), credentials])))
  for (;;) {
    const { sequence, body } = await receive(parsePacket)
    if (body[0] === ok) send(packet(0, Buffer.from([quit])))
    if (body[0] !== authSwitch) return
    send(packet(sequence + 1, Buffer.alloc(0)))
  }
}

/** Whether these are the first bytes of a server's greeting: the first packet, with version 10 of the protocol. */
export function isMysqlGreeting(bytes: Buffer): boolean {
  return bytes[3] === 0 && bytes[headerBytes] === protocolVersion
}

interface Packet {
  readonly sequence: number
  readonly body: Buffer
}

function parsePacket(arrived: Buffer): Message<Packet> | undefined {
  if (arrived.length < headerBytes) return undefined
  const length = arrived.readUIntLE(0, 3)
  const end = headerBytes + length
  if (length === 0 || length > maxLength) throw notSpoken("MySQL's protocol")
  if (arrived.length < end) return undefined
  return { value: { sequence: arrived.readUInt8(3), body: arrived.subarray(headerBytes, end) }, bytes: end }
}

/** The lower half of the flags: after the version's text, the connection's id (4), salt (8) and a filler (1). */
function capabilitiesOf(greeting: Buffer): number {
  const versionEnd = greeting.indexOf(0, 1)
  const at = versionEnd + 1 + 4 + 8 + 1
  if (versionEnd === -1 || at + 2 > greeting.length) throw notSpoken("MySQL's protocol")
  return greeting.readUInt16LE(at)
}

/** An error before the handshake has a code (2) and a text, and no SQL state. */
function errorText(packet: Buffer): string {
  if (packet.length < 3) throw notSpoken("MySQL's protocol")
  return `error ${packet.readUInt16LE(1)}: ${packet.toString('latin1', 3)}`
}

/** The request for TLS, and the beginning of a login: flags (4), largest packet (4), character set (1), 23 zero bytes. */
function loginHead(): Buffer {
  const head = Buffer.alloc(32)
  head.writeUInt32LE(clientProtocol41 | clientSsl | clientSecureConnection | clientPluginAuth, 0)
  head.writeUInt32LE(2 ** 24, 4)
  head.writeUInt8(utf8mb4, 8)
  return head
}

function packet(sequence: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeUIntLE(body.length, 0, 3)
  header.writeUInt8(sequence & 0xff, 3)
  return Buffer.concat([header, body])
}
