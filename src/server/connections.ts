/** The connections of one listener: which ones wait for an answer, and which may go. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

export interface Connections {
  /** Takes a new connection, and makes room for it. */
  add(socket: Socket): void
  /** An answer is not all written yet: its connection stays, but no longer than it may take. */
  answering(response: ServerResponse): void
  isAnswering(socket: Peer): boolean
  /** Destroys those that have not asked anything yet. */
  dropSilent(): void
  dropAll(): void
  readonly size: number
}

/**
 * @param most connections at once.
 * @param answerMs from a request to the end of its answer.
 */
export function createConnections(most: number, answerMs: number): Connections {
  // In the order in which they came. Under TLS a response knows another socket than the listener: both have one peer.
  const sockets = new Map<string, Socket>()
  const busy = new Map<string, number>()

  function makeRoom(): void {
    if (sockets.size < most) return
    for (const [peer, socket] of sockets) {
      if (busy.has(peer)) continue
      sockets.delete(peer)
      socket.destroy()
      return
    }
  }

  return {
    add(socket) {
      const peer = peerOf(socket)
      makeRoom()
      if (sockets.size >= most) {
        socket.destroy()
        return
      }
      sockets.set(peer, socket)
      socket.once('close', () => {
        if (sockets.get(peer) === socket) sockets.delete(peer)
      })
    },
    answering(response) {
      const { socket } = response
      if (socket === null) return
      const peer = peerOf(socket)
      busy.set(peer, (busy.get(peer) ?? 0) + 1)
      const timer = setTimeout(() => socket.destroy(), answerMs).unref()
      response.once('close', () => {
        clearTimeout(timer)
        const rest = (busy.get(peer) ?? 1) - 1
        if (rest === 0) busy.delete(peer)
        else busy.set(peer, rest)
      })
    },
    isAnswering: socket => busy.has(peerOf(socket)),
    dropSilent() {
      for (const socket of sockets.values()) if (socket.bytesRead === 0) socket.destroy()
    },
    dropAll() {
      for (const socket of sockets.values()) socket.destroy()
    },
    get size() {
      return sockets.size
    },
  }
}

function peerOf(socket: Peer): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
