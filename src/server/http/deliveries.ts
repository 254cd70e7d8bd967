/**
 * Large answers on their way. Clients that stop reading make nobody wait and keep little memory: where a new answer
 * does not fit, the one that has stood still longest goes, from the client that has the most of them.
 */
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientOf } from './client.ts'

export interface DeliveryLimits {
  /** Of all clients. The newcomer is always served. */
  readonly deliveries: number
  /** Of one client; above it, one goes that stands still. */
  readonly deliveriesPerClient: number
  /**
   * What all of them hold in memory; what several share counts once. Above it, one goes that stands still; above twice as
   * much, one goes anyway, since many can begin before any has stood still. An answer that is larger than half of it may be
   * there twice, so that readers of two scrapes are not in each other's way.
   */
  readonly unsentBytes: number
  /** An answer of which nothing was taken for so long stands still. */
  readonly stallMs: number
}

export const defaultDeliveryLimits: DeliveryLimits = {
  deliveries: 128,
  deliveriesPerClient: 32,
  unsentBytes: 32 * 1024 * 1024,
  stallMs: 1_000,
}

export interface Body {
  readonly bytes: Buffer | Readable
  readonly size: number
  /** The same object for answers that share their memory. Default: the bytes themselves. */
  readonly shares?: object | undefined
}

export interface Deliveries {
  /** Sends a body whose headers are set on the reply. Lets go of it if the client has left. */
  send(request: FastifyRequest, reply: FastifyReply, body: Body): FastifyReply
}

interface Delivery {
  readonly response: ServerResponse
  readonly client: string
  readonly held: object
  movedAt: number
}

/** What the system's socket buffers take at once: such an answer is no burden to us. */
const smallBytes = 64 * 1024

/** @param cut ends a connection, and leaves nothing of it in the system's memory. */
export function createDeliveries(
  limits: DeliveryLimits,
  cut: (response: ServerResponse) => void,
): Deliveries {
  const underWay = new Set<Delivery>()
  const clients = new Map<string, number>()
  const holds = new Map<object, { readonly size: number; readers: number }>()
  let heldBytes = 0

  function open(response: ServerResponse, client: string, held: object, size: number): void {
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
    response.once('close', () => close(delivery))
  }

  function close(delivery: Delivery): void {
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
    const standsStill = ({ movedAt }: Delivery) => movedAt <= since
    const isOf = (delivery: Delivery) => delivery.client === client
    while ((clients.get(client) ?? 0) > limits.deliveriesPerClient)
      if (!evict(delivery => isOf(delivery) && standsStill(delivery))) break
    while (heldBytes > mostBytes) if (!evict(standsStill)) break
    while (heldBytes > 2 * mostBytes) if (!evict(() => true)) break
    if (underWay.size >= limits.deliveries) evict(() => true)
  }

  function evict(mayGo: (delivery: Delivery) => boolean): boolean {
    let victim: Delivery | undefined
    for (const delivery of underWay) if (mayGo(delivery) && goesBefore(delivery, victim)) victim = delivery
    if (victim === undefined) return false
    close(victim)
    cut(victim.response)
    return true
  }

  function goesBefore(one: Delivery, other: Delivery | undefined): boolean {
    if (other === undefined) return true
    const more = (clients.get(one.client) ?? 0) - (clients.get(other.client) ?? 0)
    return more > 0 || (more === 0 && one.movedAt < other.movedAt)
  }

  return {
    send(request, reply, { bytes, size, shares = bytes }) {
      const { raw } = reply
      if (raw.destroyed || request.method === 'HEAD') {
        if (bytes instanceof Readable) bytes.destroy()
        return raw.destroyed ? reply.hijack() : reply.send()
      }
      if (size > smallBytes) open(raw, clientOf(request.ip), shares, size)
      else if (Buffer.isBuffer(bytes)) return reply.send(bytes)
      return reply.send(Buffer.isBuffer(bytes) ? inPieces(bytes) : bytes)
    },
  }
}

/** In pieces, each of which says by its end that the client reads. A fast socket would else take all of it in one block. */
function inPieces(bytes: Buffer): Readable {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += smallBytes) {
      yield bytes.subarray(at, at + smallBytes)
      await turn()
    }
  }
  return Readable.from(pieces(), { objectMode: false, highWaterMark: smallBytes })
}

/** Ends a response's connection; by a reset where that is possible, so that nothing stays in the system's memory. */
export function reset(response: ServerResponse): void {
  const { socket } = response
  if (socket instanceof Socket && !(socket instanceof TLSSocket) && response.req.httpVersionMajor === 1)
    socket.resetAndDestroy()
  else response.destroy()
}
