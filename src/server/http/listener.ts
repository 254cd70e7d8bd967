/** One address on which we answer, with limits against clients that take too long or too much. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { formatAddress, type ListenAddress } from '../../model/address.ts'
import type { Tls } from '../access/tls.ts'
import { type Answer, plainAnswer, sendRaw } from './answer.ts'
import type { Connections } from './connections.ts'
import { glance } from './hygiene.ts'
import type { Limits } from './limits.ts'
import { createLines } from './line.ts'
import { refuse } from './raw.ts'
import { Request } from './request.ts'

/** An address could not be bound. Its message is one line for people. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` and the like. */
  readonly code: string

  constructor(address: ListenAddress, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? 'unknown error'
    super(
      `cannot listen on ${formatAddress(address.host ?? '', address.port)}: ${reasons[code] ?? 'the system refused'} (${code})`,
      {
        cause,
      },
    )
    this.code = code
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EACCES: 'not permitted; ports below 1024 need a right of their own',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is not known',
  EAFNOSUPPORT: 'the address family is not supported here',
}

export interface ListenerOptions {
  /** Answers a request; never throws. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** The answer to a GET or HEAD of a path without query that needs no routing; undefined if it does. */
  readonly atOnce: (url: string, accept: string | undefined) => Answer | undefined
  readonly limits: Limits
  /** Takes every connection; may be shared with other listeners. */
  readonly connections: Connections
  readonly tls?: Tls | undefined
  /** Sent with every answer; read at each one. */
  readonly headers?: () => readonly (readonly [name: string, value: string])[]
}

export interface Listener {
  /** The address as it was bound. */
  readonly address: AddressInfo
  /**
   * Accepts nothing more, lets answers that are on their way end, and cuts what is left after `graceMs`. A connection
   * that waits for its next request is closed at once.
   */
  close(graceMs: number): Promise<void>
}

/** Connections that wait to be accepted: a burst must not cost a probe the second until its SYN is sent again. The system caps it (`somaxconn`). */
const acceptQueue = 4_096

/** @throws ListenError */
export async function listen(address: ListenAddress, options: ListenerOptions): Promise<Listener> {
  const { connections, limits, tls } = options
  const server = tls === undefined ? createServer(nodeOptions(limits)) : tlsServer(tls, limits)
  server.maxHeadersCount = limits.headerCount + 1
  server.maxRequestsPerSocket = limits.requestsPerConnection
  server.timeout = limits.silenceMs
  server.on('connection', (socket: Socket) => connections.add(socket))
  const last = new WeakSet<object>()
  const answer = answerer(server, last, options)
  server.on('request', answer)
  // Bodies are not read, so nobody is asked to go on and send one.
  server.on('checkContinue', answer)
  server.on('checkExpectation', (request, response) => answer(request, response, 417))
  server.on('clientError', (error, socket) => {
    if (!last.has(socket)) refuse(error, socket, connections.isAnswering(socket as Socket))
  })
  server.on('timeout', socket => {
    if (!connections.isAnswering(socket)) socket.destroy()
    else if (socket.writableLength > 0) connections.cut(socket)
  })
  const forget = tls?.follow(server as TlsServer)
  try {
    server.listen({ ...address, backlog: acceptQueue })
    await once(server, 'listening')
  } catch (error) {
    forget?.()
    throw new ListenError(address, error as NodeJS.ErrnoException)
  }
  return {
    address: server.address() as AddressInfo,
    async close(graceMs) {
      forget?.()
      await drain(server, connections, graceMs)
    },
  }
}

function nodeOptions(limits: Limits): object {
  return {
    IncomingMessage: Request,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.lookMs,
    keepAliveTimeout: limits.idleMs,
    maxHeaderSize: limits.headerBytes,
    // Its own answer would lack our headers: see `glance`.
    requireHostHeader: false,
  }
}

function tlsServer(tls: Tls, limits: Limits): TlsServer {
  return createTlsServer({ ...nodeOptions(limits), ...tls.options(), handshakeTimeout: limits.handshakeMs })
}

const refusals = { 400: plainAnswer(400), 417: plainAnswer(417), 505: plainAnswer(505) } as const

/** @param last takes the connections whose last answer is given, or on its way: nothing more may be written there. */
function answerer(
  server: Server,
  last: WeakSet<object>,
  { handle, atOnce, limits, connections, headers = () => [] }: ListenerOptions,
): (request: IncomingMessage, response: ServerResponse, status?: 417) => void {
  const lines = createLines(limits.pipelined)

  function answer(request: IncomingMessage, response: ServerResponse, status?: 417): void {
    if (last.has(request.socket)) return
    const { refusal = status, body, accept } = glance(request, limits.headerCount)
    // A body is not read, so what follows it on the connection cannot be found.
    if (refusal !== undefined || body || !server.listening) response.shouldKeepAlive = false
    if (!response.shouldKeepAlive) last.add(request.socket)
    for (const [name, value] of headers()) response.setHeader(name, value)
    if (refusal !== undefined) {
      sendRaw(response, refusals[refusal])
      return
    }
    const { method, url = '' } = request
    const ready = method === 'GET' || method === 'HEAD' ? atOnce(url, accept) : undefined
    if (ready !== undefined) sendRaw(response, ready)
    else {
      connections.answering(response)
      handle(request, response)
    }
  }

  return (request, response, status) => {
    const { socket } = request
    // The parser goes on through what it has read already.
    if (socket.destroyed) return
    if (!lines.enter(socket, response, () => answer(request, response, status))) connections.cut(socket)
  }
}

/** Node keeps a closing server open for connections that are idle, or have not asked yet, until they time out. */
async function drain(server: Server, connections: Connections, graceMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const sweep = () => {
    server.closeIdleConnections()
    connections.dropSilent()
  }
  sweep()
  const sweeps = setInterval(sweep, 100)
  const limit = setTimeout(connections.dropAll, graceMs)
  await closed
  clearInterval(sweeps)
  clearTimeout(limit)
}
