/** A server on one address, with limits on how long and how much a client may take. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { formatAddress, type ListenAddress } from '../../model/notation.ts'
import { type Answer, plainAnswer, sendRaw, sendToSocket } from './answer.ts'
import type { Connections } from './connections.ts'
import type { Limits } from './limits.ts'
import { createPipelines, inspect, Request } from './request.ts'
import type { Tls } from './tls.ts'

/** An address could not be bound. The message is one line, written for people. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  /** The system's code, such as `EADDRINUSE`. */
  readonly code: string

  constructor(address: ListenAddress, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? 'unknown error'
    const place = formatAddress(address.host ?? '', address.port)
    super(`cannot listen on ${place}: ${causes[code] ?? 'the system refused'} (${code})`, { cause })
    this.code = code
  }
}

const causes: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EACCES: 'permission denied; ports below 1024 need a special privilege',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is unknown',
  EAFNOSUPPORT: 'this machine does not support the address family',
}

export interface ListenerOptions {
  /** Answers a request. Never throws. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Looks up the answer to a GET or HEAD that needs no routing; undefined if it does. */
  readonly findAnswer: (url: string, accept: string | undefined) => Answer | undefined
  readonly limits: Limits
  /** Holds every connection. Listeners may share it. */
  readonly connections: Connections
  readonly tls?: Tls | undefined
  /** Headers of every answer, read for each one. */
  readonly headers?: () => readonly (readonly [name: string, value: string])[]
}

export interface Listener {
  /** The address as it was bound. */
  readonly address: AddressInfo
  /**
   * Stops accepting, lets answers in progress finish, and cuts what is left after `graceMs`. Idle connections are closed
   * at once.
   */
  close(graceMs: number): Promise<void>
}

/**
 * Connections that may wait to be accepted. If a burst fills the queue, a probe loses the second until its SYN is sent
 * again. The system caps it (`somaxconn`).
 */
const backlog = 4_096

/** @throws ListenError */
export async function listen(address: ListenAddress, options: ListenerOptions): Promise<Listener> {
  const { connections, limits, tls } = options
  const server = tls === undefined ? createServer(nodeOptions(limits)) : await createTlsServer(tls, limits)
  server.maxHeadersCount = limits.headerCount + 1
  server.maxRequestsPerSocket = limits.requestsPerConnection
  server.timeout = limits.silenceMs
  server.on('connection', (socket: Socket) => connections.add(socket))
  const finished = new WeakSet<object>()
  const answer = createHandler(server, finished, options)
  server.on('request', answer)
  // Bodies are never read, so clients are never asked to send one.
  server.on('checkContinue', answer)
  server.on('checkExpectation', (request, response) => answer(request, response, 417))
  server.on('clientError', (error, socket) => {
    if (finished.has(socket)) return
    if (connections.isAnswering(socket as Socket)) socket.destroy()
    else refuseUnparsed(error, socket)
  })
  server.on('timeout', socket => {
    if (!connections.isAnswering(socket)) socket.destroy()
    else if (socket.writableLength > 0) connections.cut(socket)
  })
  const release = tls?.attach(server as TlsServer)
  try {
    server.listen({ ...address, backlog })
    await once(server, 'listening')
  } catch (error) {
    release?.()
    throw new ListenError(address, error as NodeJS.ErrnoException)
  }
  return {
    address: server.address() as AddressInfo,
    async close(graceMs) {
      release?.()
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
    // Node's own refusal would lack the headers of every answer. `inspect` checks this instead.
    requireHostHeader: false,
  }
}

async function createTlsServer(tls: Tls, limits: Limits): Promise<TlsServer> {
  const { createServer } = process.getBuiltinModule('node:https')
  return createServer({ ...nodeOptions(limits), ...tls.options(), handshakeTimeout: limits.handshakeMs })
}

const refusals = { 400: plainAnswer(400), 417: plainAnswer(417), 505: plainAnswer(505) } as const

/** @param finished collects connections whose last answer has begun: nothing more may be written to them. */
function createHandler(
  server: Server,
  finished: WeakSet<object>,
  { handle, findAnswer, limits, connections, headers = () => [] }: ListenerOptions,
): (request: IncomingMessage, response: ServerResponse, status?: 417) => void {
  const pipelines = createPipelines(limits.pipelined)

  function answer(request: IncomingMessage, response: ServerResponse, status?: 417): void {
    if (finished.has(request.socket)) return
    const { refusal = status, hasBody, accept } = inspect(request, limits.headerCount)
    // A body is not read, so the request after it on the connection cannot be found.
    if (refusal !== undefined || hasBody || !server.listening) response.shouldKeepAlive = false
    if (!response.shouldKeepAlive) finished.add(request.socket)
    for (const [name, value] of headers()) response.setHeader(name, value)
    if (refusal !== undefined) {
      sendRaw(response, refusals[refusal])
      return
    }
    const { method, url = '' } = request
    const ready = method === 'GET' || method === 'HEAD' ? findAnswer(url, accept) : undefined
    if (ready !== undefined) sendRaw(response, ready)
    else {
      connections.startAnswer(response)
      handle(request, response)
    }
  }

  return (request, response, status) => {
    const { socket } = request
    // The parser continues with input that it read before the connection was cut.
    if (socket.destroyed) return
    if (!pipelines.enter(socket, response, () => answer(request, response, status))) connections.cut(socket)
  }
}

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Answers a connection whose request could not be parsed or did not arrive in time, and closes it. */
function refuseUnparsed({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  const status = statuses[code] ?? (code.startsWith('HPE_') ? 400 : undefined)
  if (status === undefined || !socket.writable) socket.destroy()
  else sendToSocket(socket, plainAnswer(status))
}

/** Closes connections that are idle or have not sent a request: Node would wait until they time out. */
async function drain(server: Server, connections: Connections, graceMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const closeIdle = () => {
    server.closeIdleConnections()
    connections.dropSilent()
  }
  closeIdle()
  const sweeps = setInterval(closeIdle, 100)
  const limit = setTimeout(connections.dropAll, graceMs)
  await closed
  clearInterval(sweeps)
  clearTimeout(limit)
}
