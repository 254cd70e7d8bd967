/** Requests before they are routed: what Node's parser lets through, but no honest client sends. */
import { IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * A request that stops the parser of a connection that has been cut.
 *
 * Node parses the whole chunk it has read even if its first request destroyed the connection, and keeps every request
 * until the connection is closed: about 10 MiB for 64 KiB of input. The parser stops at a request for an upgrade, since
 * what follows is not HTTP, and Node destroys the connection if nobody listens for upgrades. So every request of a
 * destroyed connection claims to be one.
 */
export class Request extends IncomingMessage {
  private wantsUpgrade?: boolean

  get upgrade(): boolean {
    return this.wantsUpgrade === true || this.socket.destroyed
  }

  set upgrade(wants: boolean | null) {
    this.wantsUpgrade = wants === true
  }
}

interface Inspection {
  /**
   * 505 for a version other than HTTP/1. 400 for HTTP/0.9; for a missing `Host`, or two of them, since a proxy may have
   * used either; for more headers than allowed; for a target that is not a path; and for a transfer encoding other than
   * `chunked`, which leaves the end of the body undefined.
   */
  readonly refusal: 400 | 505 | undefined
  /** The request announces a body. */
  readonly hasBody: boolean
  readonly accept: string | undefined
}

/**
 * Inspects the headers without making Node parse `request.headers`, and turns an absolute target into its path. Runs
 * for every request, hence the single plain loop.
 */
export function inspect(request: IncomingMessage, maxHeaders: number): Inspection {
  const { rawHeaders } = request
  let hosts = 0
  let hasBody = false
  let isEncoded = false
  let accept: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    if (name.length === 4) hosts += name.toLowerCase() === 'host' ? 1 : 0
    else if (name.length === 6 && name.toLowerCase() === 'accept')
      accept = accept === undefined ? value : `${accept}, ${value}`
    else if (name.length === 14) hasBody ||= value !== '0' && name.toLowerCase() === 'content-length'
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      hasBody = true
      isEncoded ||= value.toLowerCase() !== 'chunked'
    }
  }
  const lacksHost = hosts === 0 && request.httpVersion !== '1.0'
  const isMalformed =
    lacksHost || hosts > 1 || isEncoded || rawHeaders.length > 2 * maxHeaders || !resolveTarget(request)
  return { refusal: refusalOf(request.httpVersionMajor, isMalformed), hasBody, accept }
}

function refusalOf(version: number, isMalformed: boolean): Inspection['refusal'] {
  if (version > 1) return 505
  return isMalformed || version < 1 ? 400 : undefined
}

/**
 * Replaces a target such as `http://host/path` by its path, as a server must (RFC 9112, section 3.2.2).
 *
 * @returns whether the target is a path now, or the `*` of OPTIONS.
 */
function resolveTarget(request: IncomingMessage): boolean {
  const { url = '', method } = request
  if (url.startsWith('/')) return true
  const [absolute, path = ''] = /^https?:\/\/[^/?#]+(.*)$/i.exec(url) ?? []
  if (absolute === undefined) return url === '*' && method === 'OPTIONS'
  request.url = path.startsWith('/') ? path : `/${path}`
  return true
}

/**
 * Answers the requests of each connection one after another. Node parses everything that a client sends ahead, about
 * 1,800 requests from 64 KiB, and emits all of them at once; honest clients send one and wait, or at most a few.
 */
interface Pipelines {
  /**
   * Calls `start` when all earlier requests of the connection are answered, which may be immediately.
   *
   * @returns false if too many are waiting already; the caller then cuts the connection.
   */
  enter(socket: Socket, response: ServerResponse, start: () => void): boolean
}

/** @param most unanswered requests of one connection. */
export function createPipelines(most: number): Pipelines {
  const pipelines = new WeakMap<Socket, (() => void)[]>()
  return {
    enter(socket, response, start) {
      const waiting = pipelines.get(socket) ?? []
      if (waiting.length >= most) return false
      if (waiting.length === 0) pipelines.set(socket, waiting)
      waiting.push(start)
      response.once('finish', () => {
        waiting.shift()
        waiting[0]?.()
      })
      if (waiting.length === 1) start()
      return true
    },
  }
}
