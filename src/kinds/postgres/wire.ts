/** The bytes of PostgreSQL's protocol 3 that Pulsecheck handles itself, independent of any driver. */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CheckError } from '../../model/dependency.ts'
import { closedEarly, isTls, tooLarge } from '../shared/socket.ts'
import { requestPostgresTls } from '../shared/tls.ts'

/** The most that a server may send in one check, and so the largest message that it may announce. */
const maxBytes = 2 ** 20

const headerBytes = 5

/** The messages of a backend that the driver reads, by their first byte: protocol documentation, "Message Formats". */
const known = new Set(Buffer.from('RKSZETDCnsNAGHdcI123tW'))
const errorTypes = new Set(Buffer.from('EN'))
const authenticationType = Buffer.from('R')[0]

/** Identifies a session to the server when its query is to be stopped. */
export interface CancelKey {
  readonly processID: number
  readonly secretKey: number
}

/** Returns the only message on a connection that is opened to cancel a query. */
export function cancelRequest({ processID, secretKey }: CancelKey): Buffer {
  const message = Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 0, 0, 0, 0, 0])
  message.writeInt32BE(processID, 8)
  message.writeInt32BE(secretKey, 12)
  return message
}

/**
 * Asks for TLS on a fresh connection.
 *
 * @throws CheckError `tls_protocol` if the server has no TLS, `protocol_error` if it is not PostgreSQL.
 */
export async function requestTls(socket: Socket): Promise<void> {
  if (await requestPostgresTls(socket, 'set sslNegotiation: direct')) return
  throw new CheckError('tls_error', 'tls_protocol', 'the server does not support TLS on this port')
}

/** Whether others can eavesdrop: the connection is neither encrypted nor within this machine. */
export function canBeOverheard(socket: Pick<Socket, 'remoteAddress'>): boolean {
  const { remoteAddress = '' } = socket
  const local = remoteAddress === '::1' || /^(?:::ffff:)?127\./.test(remoteAddress)
  return !local && !isTls(socket)
}

/**
 * Creates the stream between the driver and a connected socket. The driver trusts what it reads: on a malformed message
 * it throws inside the socket's event, it buffers whatever length a message announces, and it loops forever on an
 * unterminated error message. So it gets only whole, verified messages, and whatever it throws at them ends the
 * connection instead of the process. A connection that ends by itself is an error like any other.
 */
export function createWire(socket: Socket): Duplex {
  const wire = new EventEmitter()
  const takeMessages = createFilter()
  socket.on('data', chunk => {
    try {
      const messages = takeMessages(chunk)
      if (messages.length > 0) wire.emit('data', messages)
    } catch (error) {
      socket.destroy(error instanceof CheckError ? error : notPostgres(error))
    }
  })
  socket.on('error', error => wire.emit('error', error))
  socket.on('close', () => {
    wire.emit('error', closedEarly())
    wire.emit('close')
  })
  return Object.assign(wire, {
    writable: true,
    setNoDelay() {},
    connect: () => queueMicrotask(() => wire.emit('connect')),
    write: (bytes: Buffer, done?: () => void) => socket.write(bytes, done),
    end: () => socket.destroySoon(),
    destroy: (error?: Error) => socket.destroy(error),
  }) as unknown as Duplex
}

/**
 * Returns a function that takes what arrives and returns the messages that are complete by now.
 *
 * @throws CheckError on the first byte that is not PostgreSQL, and beyond the limit.
 */
function createFilter(): (chunk: Buffer) => Buffer {
  let received = 0
  let pending: Buffer = Buffer.alloc(0)
  return chunk => {
    received += chunk.length
    if (received > maxBytes) throw tooLarge(maxBytes)
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    let whole = 0
    for (let end = 0; end <= pending.length; end = findMessageEnd(pending, end)) whole = end
    const messages = pending.subarray(0, whole)
    pending = pending.subarray(whole)
    return messages
  }
}

/** Finds the end of the message that begins at `start`; infinity while its header is incomplete. */
function findMessageEnd(bytes: Buffer, start: number): number {
  const type = bytes[start]
  if (type !== undefined && !known.has(type)) throw notPostgres()
  if (start + headerBytes > bytes.length) return Number.POSITIVE_INFINITY
  const length = bytes.readUInt32BE(start + 1)
  if (isForkFailure(bytes, start)) throw new CheckError('unhealthy', 'overloaded', 'the server cannot fork')
  if (length < 4) throw notPostgres()
  if (length > maxBytes) throw looksLikeText(bytes, start) ? notPostgres() : tooLarge(maxBytes)
  const end = start + 1 + length
  if (end <= bytes.length) verifyBody(type, bytes.subarray(start + headerBytes, end))
  return end
}

function verifyBody(type: number | undefined, body: Buffer): void {
  if (errorTypes.has(type ?? 0) && !isTerminated(body)) throw notPostgres()
  if (type === authenticationType && body.length >= 4) refuseUnsupported(body)
}

/** Authentication requests that neither the driver nor Pulsecheck supports: protocol documentation, "Message Formats". */
const unsupported = new Map([
  [2, 'Kerberos V5'],
  [6, 'SCM credentials'],
  [7, 'GSSAPI'],
  [9, 'SSPI'],
])
const sasl = 10

/** @throws CheckError `auth_method_unsupported` if the server requires something other than a password. */
function refuseUnsupported(request: Buffer): void {
  const method = request.readInt32BE(0)
  const mechanisms = request.toString('latin1', 4).split('\0').filter(Boolean)
  if (method === sasl && !mechanisms.includes('SCRAM-SHA-256')) throw unsupportedMethod(mechanisms.join(', '))
  const name = unsupported.get(method)
  if (name !== undefined) throw unsupportedMethod(name)
}

function unsupportedMethod(name: string): CheckError {
  const message = `the server requires ${name} authentication; allow scram-sha-256 for this user in pg_hba.conf`
  return new CheckError('auth_error', 'auth_method_unsupported', message)
}

/** Each field ends in a zero byte, and one more follows the last field. */
function isTerminated(fields: Buffer): boolean {
  return fields.at(-1) === 0 && (fields.length === 1 || fields.at(-2) === 0)
}

/** A postmaster that cannot fork reports it without a length, as in protocol 2 (postmaster.c, report_fork_failure_to_client). */
function isForkFailure(bytes: Buffer, start: number): boolean {
  return bytes.toString('latin1', start, start + headerBytes) === 'Ecoul'
}

/** Text of another protocol, such as `HTTP/1.1`, reads as a message of more than 512 MiB. */
function looksLikeText(bytes: Buffer, start: number): boolean {
  return /^[ -~\r\n]{5}$/.test(bytes.toString('latin1', start, start + headerBytes))
}

function notPostgres(cause?: unknown): CheckError {
  const message = 'the server does not speak the PostgreSQL protocol'
  return new CheckError('protocol_error', 'protocol_error', message, { cause })
}
