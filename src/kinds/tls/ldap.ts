/** How LDAP is asked for TLS: the StartTLS operation in BER (RFC 4511, section 4.14). */
import { type Conversation, type Message, notSpoken, quote, refused } from './conversation.ts'

/** LDAPMessage 1: ExtendedRequest, whose requestName is the OID of StartTLS. */
const request = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
])

/** LDAPMessage 2: UnbindRequest. */
export const unbind = Buffer.from([0x30, 0x05, 0x02, 0x01, 0x02, 0x42, 0x00])

const tags = { sequence: 0x30, integer: 0x02, enumerated: 0x0a, octets: 0x04, extendedResponse: 0x78 }

const maxLength = 64 * 1024

export async function askLdap(conversation: Conversation): Promise<void> {
  conversation.send(request)
  const { code, text } = readResult(await conversation.receive(parseMessage))
  if (code === 0) return
  const words = text === '' ? '' : `: ${quote(text)}`
  throw refused(`the server answers StartTLS with result ${code}${words}`)
}

function parseMessage(arrived: Buffer): Message<Buffer> | undefined {
  if (arrived.length > 0 && arrived[0] !== tags.sequence) throw notSpoken('LDAP')
  const element = parseElement(arrived)
  return element && { value: element.content, bytes: element.bytes }
}

/** Reads the result of an ExtendedResponse, whatever it answers: a notice of disconnection is one as well. */
function readResult(message: Buffer): { readonly code: number; readonly text: string } {
  const [id, response] = elementsOf(message)
  if (id?.tag !== tags.integer || response?.tag !== tags.extendedResponse) throw notSpoken('LDAP')
  const [code, name, text] = elementsOf(response.content)
  if (code?.tag !== tags.enumerated || code.content.length !== 1) throw notSpoken('LDAP')
  if (name?.tag !== tags.octets || text?.tag !== tags.octets) throw notSpoken('LDAP')
  return { code: code.content.readUInt8(), text: text.content.toString() }
}

interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly bytes: number
}

function elementsOf(content: Buffer): readonly Element[] {
  const elements: Element[] = []
  for (let rest = content; rest.length > 0; ) {
    const element = parseElement(rest)
    if (element === undefined) throw notSpoken('LDAP')
    elements.push(element)
    rest = rest.subarray(element.bytes)
  }
  return elements
}

/** Parses the first element; undefined while it is incomplete. LDAP allows only lengths of the definite form. */
function parseElement(bytes: Buffer): Element | undefined {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) return undefined
  const extra = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || extra > 4) throw notSpoken('LDAP')
  const start = 2 + extra
  if (bytes.length < start) return undefined
  const length = extra === 0 ? first : bytes.readUIntBE(2, extra)
  if (length > maxLength) throw notSpoken('LDAP')
  const end = start + length
  return bytes.length < end ? undefined : { tag, content: bytes.subarray(start, end), bytes: end }
}
