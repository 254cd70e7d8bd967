/** The connections of one or more listeners: which client each belongs to, and which can be closed to make room. */
import type { ServerResponse } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Whether a connection is over TLS. Node's class would tell as well, but loading it takes 4 MiB. */
export function isTls(socket: object | null): socket is TLSSocket {
  return socket !== null && 'encrypted' in socket
}

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>

export interface Connections {
  /** Adds a new connection, and makes room for it. A newcomer is never turned away: it may be a probe. */
  add(socket: Socket): void
  /** Protects the connection of a response until it is written, or until its time is up. */
  startAnswer(response: ServerResponse): void
  isAnswering(socket: Peer): boolean
  /** Closes a connection at once, and discards what the kernel still holds for its client. */
  cut(socket: Socket): void
  /** Destroys those that have not sent anything yet. */
  dropSilent(): void
  dropAll(): void
}

interface Connection {
  readonly socket: Socket
  readonly peer: string
  readonly client: string
  /** All connections of its client. */
  readonly crowd: Set<Connection>
  /** Answers in progress. */
  answers: number
  hasAsked: boolean
  /** When it came, or its last answer ended; monotonic milliseconds. */
  idleSince: number
}

/** As many as a browser opens. Clients with at most this number count as equal. */
const fewConnections = 6
/** A client that means to ask does so at once. */
const askWithinMs = 500

/**
 * @param most connections at once.
 * @param answerMs from a request to the end of its answer.
 * @param now monotonic milliseconds.
 */
export function createConnections(
  most: number,
  answerMs: number,
  now = () => performance.now(),
): Connections {
  // Under TLS, the socket of a response is not the one that the listener accepted. Both have the same peer.
  const byPeer = new Map<string, Connection>()
  const byClient = new Map<string, Set<Connection>>()
  const connectionOf = (socket: Peer) => byPeer.get(peerOf(socket))

  function remove(connection: Connection): void {
    const { client, peer, crowd } = connection
    if (byPeer.get(peer) === connection) byPeer.delete(peer)
    crowd.delete(connection)
    if (crowd.size === 0) byClient.delete(client)
  }

  function end(connection: Connection): void {
    remove(connection)
    // Without an answer in progress, all that is unsent is what the kernel sends by itself.
    if (connection.answers === 0) connection.socket.destroy()
    else connection.socket.resetAndDestroy()
  }

  function makeRoom(): void {
    if (byPeer.size < most) return
    const mutedBefore = now() - askWithinMs
    let victim: Connection | undefined
    let highest = -1
    for (const connection of byPeer.values()) {
      const rank = rankOf(connection, mutedBefore)
      if (rank < highest) continue
      if (victim !== undefined && rank === highest && connection.idleSince >= victim.idleSince) continue
      victim = connection
      highest = rank
    }
    if (victim !== undefined) end(victim)
  }

  return {
    add(socket) {
      makeRoom()
      const [client, peer] = [clientOf(socket.remoteAddress), peerOf(socket)]
      const crowd = byClient.get(client) ?? new Set()
      const connection = { socket, peer, client, crowd, answers: 0, hasAsked: false, idleSince: now() }
      byPeer.set(peer, connection)
      byClient.set(client, crowd.add(connection))
      socket.once('close', () => remove(connection))
    },
    startAnswer(response) {
      const connection = response.socket === null ? undefined : connectionOf(response.socket)
      if (connection === undefined) return
      connection.answers++
      connection.hasAsked = true
      const timer = setTimeout(() => end(connection), answerMs).unref()
      response.once('close', () => {
        clearTimeout(timer)
        connection.answers--
        connection.idleSince = now()
      })
    },
    isAnswering: socket => (connectionOf(socket)?.answers ?? 0) > 0,
    cut(socket) {
      const connection = connectionOf(socket)
      if (connection !== undefined) remove(connection)
      connection?.socket.resetAndDestroy()
      socket.destroy()
    },
    dropSilent() {
      for (const { socket } of byPeer.values()) if (socket.bytesRead === 0) socket.destroy()
    },
    dropAll() {
      for (const connection of byPeer.values()) end(connection)
    },
  }
}

/**
 * The one with the highest rank goes: from the largest crowd; there an idle one; among those one that never asked. It is
 * computed for each connection at each newcomer, so it makes no garbage.
 */
function rankOf({ crowd, answers, hasAsked, idleSince }: Connection, mutedBefore: number): number {
  const isIdle = answers === 0 ? 2 : 0
  const isMute = !hasAsked && idleSince < mutedBefore ? 1 : 0
  return 4 * Math.max(fewConnections, crowd.size) + isIdle + isMute
}

function peerOf(socket: Peer): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}

/**
 * Returns the client that an address belongs to, for limits per client. All addresses of an IPv6 /64 are one client,
 * because a single host usually has all of them (RFC 6177). An IPv4 address mapped into IPv6 counts as IPv4.
 */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return ''
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = address.split('%', 1).join().split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - rest.length
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...rest]
  return `${all.slice(0, 4).join(':')}::/64`
}
