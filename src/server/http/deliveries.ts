/**
 * Large answers in progress. Clients that stop reading delay nobody and hold little memory: when a new answer does not
 * fit, the one that has stalled longest is cut, of the client that has the most.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientOf, isTls } from './connections.ts'

export interface DeliveryLimits {
  /** Of all clients together. A new one is always served. */
  readonly deliveries: number
  /** Of one client. Above it, a stalled one is cut. */
  readonly deliveriesPerClient: number
  /**
   * The memory that all of them hold; what several share counts once. Above it, stalled ones are cut. Above twice as
   * much, any are, because many can begin before the first has stalled. An answer larger than half of it may exist twice,
   * so that the readers of two scrapes do not displace each other.
   */
  readonly unsentBytes: number
  /** An answer of which the client has read nothing for this long is stalled. */
  readonly stallMs: number
}

export const defaultDeliveryLimits: DeliveryLimits = {
  deliveries: 128,
  deliveriesPerClient: 32,
  unsentBytes: 16 * 1024 * 1024,
  stallMs: 1_000,
}

interface Body {
  /** One buffer, or the body in pieces. */
  readonly bytes: Buffer | Iterable<Buffer>
  readonly size: number
  /** Identifies the memory: the same object for answers that share it. Default: the bytes themselves. */
  readonly shares?: object | undefined
}

export interface Deliveries {
  /** Sends a body whose headers are set on the reply, unless the client has disconnected. */
  send(request: FastifyRequest, reply: FastifyReply, body: Body): FastifyReply
}

interface Delivery {
  readonly response: ServerResponse
  readonly client: string
  readonly held: object
  movedAt: number
}

/** What the kernel's socket buffers take at once: such an answer costs no memory here. */
const smallBytes = 64 * 1024
/** What is written between two turns of the event loop at most: well under a millisecond of work. */
const turnBytes = 512 * 1024

/** @param cut closes the connection of a response at once, and discards what the kernel still holds for its client. */
export function createDeliveries(
  limits: DeliveryLimits,
  cut: (response: ServerResponse) => void,
): Deliveries {
  const underWay = new Set<Delivery>()
  const clients = new Map<string, number>()
  const holds = new Map<object, { readonly size: number; readers: number }>()
  let heldBytes = 0

  function begin(response: ServerResponse, client: string, held: object, size: number): void {
    const delivery = { response, client, held, movedAt: performance.now() }
    const hold = holds.get(held) ?? { size, readers: 0 }
    if (hold.readers++ === 0) heldBytes += size
    holds.set(held, hold)
    clients.set(client, (clients.get(client) ?? 0) + 1)
    makeRoom(client, Math.max(limits.unsentBytes, 2 * size))
    underWay.add(delivery)
    response.on('drain', () => {
      delivery.movedAt = performance.now()
    })
    response.once('close', () => end(delivery))
  }

  function end(delivery: Delivery): void {
    if (!underWay.delete(delivery)) return
    const { client, held } = delivery
    const rest = (clients.get(client) ?? 1) - 1
    if (rest === 0) clients.delete(client)
    else clients.set(client, rest)
    const hold = holds.get(held)
    if (hold === undefined || --hold.readers > 0) return
    heldBytes -= hold.size
    holds.delete(held)
  }

  function makeRoom(client: string, mostBytes: number): void {
    const since = performance.now() - limits.stallMs
    const isStalled = ({ movedAt }: Delivery) => movedAt <= since
    const isOf = (delivery: Delivery) => delivery.client === client
    while ((clients.get(client) ?? 0) > limits.deliveriesPerClient)
      if (!evict(delivery => isOf(delivery) && isStalled(delivery))) break
    while (heldBytes > mostBytes) if (!evict(isStalled)) break
    while (heldBytes > 2 * mostBytes) if (!evict(() => true)) break
    if (underWay.size >= limits.deliveries) evict(() => true)
  }

  function evict(isEligible: (delivery: Delivery) => boolean): boolean {
    let victim: Delivery | undefined
    for (const delivery of underWay) if (isEligible(delivery) && isBefore(delivery, victim)) victim = delivery
    if (victim === undefined) return false
    end(victim)
    cut(victim.response)
    return true
  }

  /** The order of eviction: first the client with the most, then what has stalled longest. */
  function isBefore(one: Delivery, other: Delivery | undefined): boolean {
    if (other === undefined) return true
    const more = (clients.get(one.client) ?? 0) - (clients.get(other.client) ?? 0)
    return more > 0 || (more === 0 && one.movedAt < other.movedAt)
  }

  return {
    send(request, reply, { bytes, size, shares = bytes }) {
      const { raw } = reply
      if (raw.destroyed) return reply.hijack()
      if (request.method === 'HEAD') return reply.send()
      if (Buffer.isBuffer(bytes) && size <= smallBytes) return reply.send(bytes)
      begin(raw, clientOf(request.ip), shares, size)
      reply.hijack()
      const headers = { ...reply.getHeaders(), 'content-length': size } as OutgoingHttpHeaders
      raw.writeHead(reply.statusCode, headers)
      write(raw, Buffer.isBuffer(bytes) ? split(bytes) : bytes)
      return reply
    },
  }
}

/**
 * Writes a body as fast as its client reads, without copying it, and ends the response. The event loop turns between two
 * writes. A client that takes everything at once gets more at a time; from another one, each small piece that drains
 * shows that it reads.
 *
 * @param response must have a Content-Length: Node does not say when a chunked response that was corked has drained.
 */
export function write(response: ServerResponse, pieces: Iterable<Buffer>): void {
  const rest = pieces[Symbol.iterator]()
  const later = () => setImmediate(writeSome)
  let mostBytes = turnBytes
  function writeSome(): void {
    if (response.destroyed) return
    response.cork()
    let isFull = false
    for (let written = 0; written < mostBytes; ) {
      const { value, done } = rest.next()
      if (done === true) return void response.end()
      written += value.length
      isFull = !response.write(value)
    }
    response.uncork()
    mostBytes = response.writableLength === 0 ? turnBytes : smallBytes
    if (isFull) response.once('drain', later)
    else later()
  }
  writeSome()
}

function* split(bytes: Buffer): Generator<Buffer, undefined> {
  for (let at = 0; at < bytes.length; at += smallBytes) yield bytes.subarray(at, at + smallBytes)
}

/** Closes the connection of a response, by a reset where possible, so that the kernel discards what is unsent. */
export function reset(response: ServerResponse): void {
  const { socket } = response
  if (socket instanceof Socket && !isTls(socket) && response.req.httpVersionMajor === 1)
    socket.resetAndDestroy()
  else response.destroy()
}
