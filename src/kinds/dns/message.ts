/** Queries and replies as bytes (RFC 1035, section 4; EDNS: RFC 6891). Nothing that a server sends throws outside. */
import { randomInt } from 'node:crypto'
import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet'
import { CheckError } from '../../model/dependency.ts'
import type { Asked } from './options.ts'
import { canonicalName, type Rcode, rcodeName, textOf } from './records.ts'

export interface Query {
  readonly bytes: Buffer
  /** Where the question ends. */
  readonly questionEnd: number
}

/** What the server said. */
export interface Reply {
  /** Its number if it has no name here. */
  readonly rcode: Rcode | number
  readonly isAuthoritative: boolean
  /** The records of the type that belong to the name, in presentation format. */
  readonly answers: readonly string[]
  /** Of these records, and of the aliases that lead to them. Undefined without any. */
  readonly minTtlSeconds: number | undefined
}

const headerLength = 12
/** After the name: type and class, two bytes each. */
const typeAndClassLength = 4
/** The largest datagram that is hardly ever fragmented: https://www.dnsflagday.net/2020/ */
const udpPayloadSize = 1_232

/**
 * Creates a query with a random id, which a forger has to guess along with the port of a fresh socket (RFC 5452). With
 * EDNS it allows larger datagrams; some old servers understand only a plain query.
 */
export function createQuery(
  { name, type }: Pick<Asked, 'name' | 'type'>,
  form: 'edns' | 'plain' = 'edns',
): Query {
  const question = { id: randomInt(65_536), flags: RECURSION_DESIRED, questions: [{ name, type }] }
  const bytes = encode(question)
  if (form === 'plain') return { bytes, questionEnd: bytes.length }
  const edns: Answer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  return { bytes: encode({ ...question, additionals: [edns] }), questionEnd: bytes.length }
}

/** Returns why a message is not a reply to the query; undefined if it is one. Reads no more than that takes. */
export function mismatch(bytes: Buffer, query: Query): string | undefined {
  if (bytes.length < headerLength) return 'is too short'
  if (bytes.readUInt16BE(0) !== query.bytes.readUInt16BE(0)) return 'has another id'
  if ((bytes.readUInt16BE(2) & 0x8000) === 0) return 'is itself a query'
  return hasQuestion(bytes, query) || isBareFormatError(bytes) ? undefined : 'is to another question'
}

/** The failure of a check that got only messages which are not replies. */
export function wrongReply(what: string): CheckError {
  return new CheckError('protocol_error', 'wrong_reply', `what came as a reply ${what}`)
}

/** Ignores the case of the name, because some servers do not preserve it. */
function hasQuestion(bytes: Buffer, { bytes: asked, questionEnd }: Query): boolean {
  const nameEnd = questionEnd - typeAndClassLength
  const nameOf = (message: Buffer) => message.toString('latin1', headerLength, nameEnd).toLowerCase()
  return (
    bytes.readUInt16BE(4) === 1 &&
    nameOf(bytes) === nameOf(asked) &&
    bytes.subarray(nameEnd, questionEnd).equals(asked.subarray(nameEnd, questionEnd))
  )
}

/** A server that does not know EDNS may repeat nothing of the query: RFC 6891, section 7. */
function isBareFormatError(bytes: Buffer): boolean {
  return bytes.readUInt16BE(4) === 0 && rcodeName(bytes.readUInt16BE(2) & 0xf) === 'FORMERR'
}

/** Whether the answer did not fit into the message. A truncated answer is not used. */
export function isTruncated(bytes: Buffer): boolean {
  return (bytes.readUInt16BE(2) & 0x0200) !== 0
}

/** Reads a reply to the query. @throws CheckError `protocol_error` if it is malformed. */
export function readReply(bytes: Buffer, asked: Pick<Asked, 'name' | 'type'>): Reply {
  const message = decodeWhole(bytes)
  const records = recordsFor(asked, message.answers ?? [])
  const answers = records.filter(({ type }) => type === asked.type)
  const ttls = answers.length === 0 ? [] : records.map(ttlSeconds)
  return {
    rcode: rcodeName(rcodeNumber(message)),
    isAuthoritative: message.flag_aa,
    answers: answers.map(record => textOf(record) ?? ''),
    minTtlSeconds: ttls.length === 0 ? undefined : Math.min(...ttls),
  }
}

function decodeWhole(bytes: Buffer): DecodedPacket {
  try {
    const message = decode(bytes)
    // The decoder does not enforce the length of each record, so it may read beyond the end.
    if (decode.bytes <= bytes.length) return message
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause))
  }
  throw malformed('a record ends beyond the message')
}

function malformed(why: string): CheckError {
  return new CheckError('protocol_error', 'malformed_reply', `the reply cannot be read: ${why}`)
}

/** The lower bits are in the header, the upper ones in EDNS: RFC 6891, section 6.1.3. */
function rcodeNumber({ flags = 0, additionals = [] }: DecodedPacket): number {
  const edns = additionals.find(record => record.type === 'OPT')
  return ((edns?.extendedRcode ?? 0) << 4) | (flags & 0xf)
}

/** Returns the aliases that lead from the name, and the records of the type at their end. Ignores all other records. */
function recordsFor({ name, type }: Pick<Asked, 'name' | 'type'>, all: readonly Answer[]): readonly Answer[] {
  const ours = all.filter(record => record.type !== 'OPT' && record.class === 'IN')
  const found = new Set<Answer>()
  for (let owner: string | undefined = canonicalName(name); owner !== undefined; ) {
    const here = ours.filter(record => canonicalName(record.name) === owner)
    const answers = here.filter(record => record.type === type)
    for (const answer of answers) found.add(answer)
    const alias = here.find(record => record.type === 'CNAME')
    if (answers.length > 0 || alias === undefined || found.has(alias)) break
    found.add(alias)
    owner = canonicalName(textOf(alias) ?? '')
  }
  return [...found]
}

/** A TTL with its highest bit set counts as 0: RFC 2181, section 8. */
function ttlSeconds(record: Answer): number {
  const ttl = record.type === 'OPT' ? 0 : (record.ttl ?? 0)
  return ttl > 0x7fffffff ? 0 : ttl
}
