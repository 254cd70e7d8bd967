/**
 * The requests of one connection, answered one after another. Node parses what a client sends ahead at once, some 1,800
 * requests from 64 KiB, and hands all of them out; honest clients send one and wait, or at most a few.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export interface Lines {
  /**
   * Calls `start` when all earlier requests of the connection are answered: now, if there are none.
   *
   * @returns false if too many wait already. The connection is to be cut then.
   */
  enter(socket: Socket, response: ServerResponse, start: () => void): boolean
}

/** @param most unfinished answers of one connection. */
export function createLines(most: number): Lines {
  const lines = new WeakMap<Socket, (() => void)[]>()
  return {
    enter(socket, response, start) {
      const line = lines.get(socket) ?? []
      if (line.length >= most) return false
      if (line.length === 0) lines.set(socket, line)
      line.push(start)
      response.once('finish', () => {
        line.shift()
        line[0]?.()
      })
      if (line.length === 1) start()
      return true
    },
  }
}
