/** The connections of one or several listeners: which ones wait for an answer, and which may go. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { clientOf } from './client.ts'

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>

export interface Connections {
  /** Takes a new connection, and makes room for it: who comes new, a probe perhaps, is never turned away. */
  add(socket: Socket): void
  /** An answer is not all written yet: its connection stays, but no longer than it may take. */
  answering(response: ServerResponse): void
  isAnswering(socket: Peer): boolean
  /** Ends a connection at once. What its client has not read yet does not stay in the system's memory. */
  cut(socket: Socket): void
  /** Destroys those that have not asked anything yet. */
  dropSilent(): void
  dropAll(): void
  readonly size: number
}

interface Connection {
  readonly socket: Socket
  readonly peer: string
  readonly client: string
  /** Answers under way. */
  answers: number
}

/**
 * @param most connections at once.
 * @param answerMs from a request to the end of its answer.
 */
export function createConnections(most: number, answerMs: number): Connections {
  // Under TLS a response knows another socket than the listener: both have one peer.
  const byPeer = new Map<string, Connection>()
  // In the order in which they came.
  const byClient = new Map<string, Set<Connection>>()
  const connectionOf = (socket: Peer) => byPeer.get(peerOf(socket))

  function remove(connection: Connection): void {
    const { client, peer } = connection
    if (byPeer.get(peer) === connection) byPeer.delete(peer)
    const others = byClient.get(client)
    others?.delete(connection)
    if (others?.size === 0) byClient.delete(client)
  }

  function end(connection: Connection): void {
    remove(connection)
    // Nothing is on its way to who waits for nothing, but for what the system sends by itself.
    if (connection.answers === 0) connection.socket.destroy()
    else connection.socket.resetAndDestroy()
  }

  function makeRoom(): void {
    if (byPeer.size < most) return
    let crowd = new Set<Connection>()
    for (const own of byClient.values()) if (own.size > crowd.size) crowd = own
    let victim: Connection | undefined
    for (const connection of crowd) {
      victim ??= connection
      if (connection.answers > 0) continue
      victim = connection
      break
    }
    if (victim !== undefined) end(victim)
  }

  return {
    add(socket) {
      makeRoom()
      const client = clientOf(socket.remoteAddress)
      const connection = { socket, client, peer: peerOf(socket), answers: 0 }
      byPeer.set(connection.peer, connection)
      byClient.set(client, (byClient.get(client) ?? new Set()).add(connection))
      socket.once('close', () => remove(connection))
    },
    answering(response) {
      const connection = response.socket === null ? undefined : connectionOf(response.socket)
      if (connection === undefined) return
      connection.answers++
      const timer = setTimeout(() => end(connection), answerMs).unref()
      response.once('close', () => {
        clearTimeout(timer)
        connection.answers--
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
    get size() {
      return byPeer.size
    },
  }
}

function peerOf(socket: Peer): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`
}
