/**
 * The gate between a socket and ioredis. For each waiting command, it lets one complete and valid RESP2 reply through.
 *
 * The driver trusts its server. ioredis 6.0 allocates what an array header announces (264 MB for 13 bytes) and buffers
 * without limit. On a reply that no command waits for, or on a malformed push frame, it throws from `process.nextTick`,
 * which ends the process. The gate keeps such input from it.
 */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { CheckError } from '../../model/dependency.ts'
import { closedEarly, tooLarge } from '../shared/socket.ts'

/** More than all replies of a check together. The longest, a Sentinel's list of replicas, takes 1 KB per replica. */
const maxBytes = 2 ** 20
/** The longest array. `ROLE` on a master has one element per replica. */
const maxElements = 4_096
/** `ROLE` and `SENTINEL replicas` nest two deep. */
const maxDepth = 3

const type = { simple: 0x2b, error: 0x2d, integer: 0x3a, bulk: 0x24, array: 0x2a }
const types = new Set(Object.values(type))
const [cr, lf] = [0x0d, 0x0a]

/** What ioredis uses as its socket: only the members that it needs, at a tenth of the cost of a Duplex. */
export class Gate extends EventEmitter {
  readonly connecting = false
  writable = true
  destroyed = false
  /** What ended the connection, once it is destroyed. */
  errored: Error | undefined
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #total = 0
  #awaited = 0
  #ending: Error | undefined

  /** Takes over a connected socket: nobody else may read or destroy it from now on. */
  constructor(socket: Socket) {
    super()
    this.#socket = socket
    socket.on('data', chunk => this.#receive(chunk))
    // Only the event reports a TLS alert: Node does not keep it in `errored`.
    socket.once('error', error => this.#end(error))
    if (socket.destroyed) this.#end()
    else socket.once('close', () => this.#end())
  }

  /** Lets one more reply through. Call it after the command was queued. */
  release(): void {
    this.#awaited++
    this.#pass()
  }

  /** If a write fails, the socket's own error reports it, after what the server sent before. */
  write(bytes: string | Buffer): void {
    if (this.#ending === undefined) this.#socket.write(bytes)
  }

  /** The error stays here: the driver only learns of the end. */
  destroy(error?: Error): void {
    if (this.destroyed) return
    this.destroyed = true
    this.writable = false
    this.errored = error
    this.#socket.destroy()
    this.emit('close')
  }

  /** No effect: replies are not paused. */
  resume(): void {}

  /** No effect: the connection of one check needs no keep-alive. */
  setKeepAlive(): void {}

  #receive(chunk: Buffer): void {
    this.#total += chunk.length
    if (this.#total > maxBytes) this.destroy(tooLarge(maxBytes))
    if (this.destroyed) return
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    this.#pass()
  }

  /**
   * Lets the awaited replies through. The end of the connection passes after every reply that came before it, so that a
   * server's last message ("max number of clients reached") is read.
   */
  #pass(): void {
    try {
      for (let end = this.#nextEnd(); end !== undefined; end = this.#nextEnd()) {
        const reply = this.#received.subarray(0, end)
        this.#received = this.#received.subarray(end)
        this.#awaited--
        this.emit('data', reply)
      }
    } catch (error) {
      this.destroy(error as Error)
    }
    if (this.#awaited > 0 && this.#ending !== undefined) this.destroy(this.#ending)
  }

  #nextEnd(): number | undefined {
    return this.#awaited > 0 && !this.destroyed ? findReplyEnd(this.#received, 0, 0) : undefined
  }

  #end(error?: Error): void {
    if (this.destroyed) return
    const inReply = this.#awaited > 0 && this.#received.length > 0
    this.#ending ??= error ?? (inReply ? truncated() : closedEarly())
    this.#pass()
  }
}

/**
 * Finds the end of the reply that begins at `start`. Undefined while the reply is incomplete.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/ RESP2
 * @throws CheckError `protocol_error` if it is not a RESP2 reply, or exceeds a limit.
 */
function findReplyEnd(bytes: Buffer, start: number, depth: number): number | undefined {
  const kind = bytes[start]
  if (kind === undefined) return undefined
  if (!types.has(kind)) throw malformed()
  const next = findLineEnd(bytes, start)
  if (next === undefined || kind === type.simple || kind === type.error) return next
  const number = bytes.toString('latin1', start + 1, next - 2)
  if (kind === type.integer) return readInteger(number, /^-?\d{1,19}$/) === undefined ? undefined : next
  const length = readInteger(number, /^(?:-1|\d{1,10})$/)
  if (length === -1) return next
  return kind === type.bulk ? findBulkEnd(bytes, next, length) : findArrayEnd(bytes, next, length, depth)
}

function findBulkEnd(bytes: Buffer, start: number, length: number): number | undefined {
  if (length > maxBytes) throw tooLarge(maxBytes)
  const end = start + length + 2
  if (end > bytes.length) return undefined
  if (bytes[end - 2] !== cr || bytes[end - 1] !== lf) throw malformed()
  return end
}

function findArrayEnd(bytes: Buffer, start: number, length: number, depth: number): number | undefined {
  if (length > maxElements) throw tooLarge(maxBytes)
  if (depth >= maxDepth) throw malformed()
  let end: number | undefined = start
  for (let i = 0; i < length && end !== undefined; i++) end = findReplyEnd(bytes, end, depth + 1)
  return end
}

/** Finds the end of the line after a type byte. The driver ends a line at any CR, so a CR without LF is refused. */
function findLineEnd(bytes: Buffer, start: number): number | undefined {
  const at = bytes.indexOf(cr, start + 1)
  if (at === -1 || at + 1 === bytes.length) return undefined
  if (bytes[at + 1] !== lf) throw malformed()
  return at + 2
}

function readInteger(text: string, grammar: RegExp): number {
  if (!grammar.test(text)) throw malformed()
  return Number(text)
}

function malformed(): CheckError {
  return new CheckError('protocol_error', 'protocol_error', 'the server does not speak the Redis protocol')
}

function truncated(): CheckError {
  return new CheckError(
    'protocol_error',
    'protocol_error',
    'the server closed the connection in the middle of a reply',
  )
}
