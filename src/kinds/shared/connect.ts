/** One fresh connection for one check: resolved, connected, upgraded to TLS and verified, each a traced phase. */
import { connect as connectTcp, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { CheckError, type CheckerContext, type PhaseTrace } from '../../dependency.ts'
import { type TlsOptions, tlsSettings, verifyPeer } from './tls.ts'

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  /** TLS after the TCP handshake; none if absent. */
  readonly tls?: TlsOptions | undefined
  /** Protocols to offer inside TLS (ALPN); none if absent. */
  readonly alpn?: readonly string[]
  /** What the protocol says in the clear before TLS begins. Throws to refuse. */
  readonly beforeTls?: (socket: Socket) => Promise<void>
}

/**
 * A connected socket, verified if TLS is asked for. It is destroyed when the signal aborts and emits no unhandled
 * error, then or later; the caller destroys it when done. Every step is inside the check's one deadline.
 *
 * @throws the error of `dns`, `net` or `tls` as Node gives it, or the abort reason.
 */
export async function connect(
  options: ConnectOptions,
  context: CheckerContext,
  signal: AbortSignal,
  trace: PhaseTrace,
): Promise<Socket> {
  const addresses = await resolved(options.host, context, signal, trace)
  trace.enter('connect')
  const plain = connectTcp({ port: options.port, ...routeTo(options.host, addresses, context.timeoutMs) })
  guard(plain, signal)
  try {
    await event(plain, 'connect')
    return options.tls === undefined ? plain : await secured(plain, options, options.tls, signal, trace)
  } catch (error) {
    plain.destroy()
    throw error
  }
}

type Addresses = Awaited<ReturnType<CheckerContext['resolve']>>

/** The only address at once, or several in turn: racing them costs two timers and two more objects a check. */
function routeTo(host: string, addresses: Addresses, timeoutMs: number): Partial<TcpNetConnectOpts> {
  const [only] = addresses
  if (addresses.length === 1 && only !== undefined)
    return { host: only.address, family: only.family, autoSelectFamily: false }
  return {
    host,
    lookup: (_host, _options, done) => done(null, addresses.slice()),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptTimeoutMs(timeoutMs, addresses.length),
  }
}

async function resolved(host: string, context: CheckerContext, signal: AbortSignal, trace: PhaseTrace) {
  if (isIP(host) !== 0) return await context.resolve(host)
  trace.enter('dns')
  return await abortable(context.resolve(host), signal)
}

async function secured(
  plain: Socket,
  options: ConnectOptions,
  tls: TlsOptions,
  signal: AbortSignal,
  trace: PhaseTrace,
) {
  trace.enter('tls')
  await options.beforeTls?.(plain)
  const socket = connectTls({
    socket: plain,
    ...tlsSettings(tls, options.host),
    ...(options.alpn !== undefined && { ALPNProtocols: [...options.alpn] }),
  })
  guard(socket, signal)
  try {
    await event(socket, 'secureConnect')
    verifyPeer(socket, tls, trace)
  } catch (error) {
    socket.destroy()
    throw error
  }
  return socket
}

/**
 * Time for one address before the next is tried beside it. Node's own 250 ms would drop hosts that are merely far
 * away (nodejs/node#54359), so every address gets its share of half the deadline.
 */
function attemptTimeoutMs(timeoutMs: number, addresses: number): number {
  return Math.max(250, Math.floor(timeoutMs / 2 / addresses))
}

/** Ties a socket to the check: destroyed on abort, and never an unhandled `error` event. */
function guard(socket: Socket, signal: AbortSignal): void {
  const abort = () => socket.destroy()
  socket.on('error', () => {})
  socket.once('close', () => signal.removeEventListener('abort', abort))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
}

/** Resolves at the event; rejects when the socket fails or closes before it. */
function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => () => {
      socket.off(name, done).off('error', failed).off('close', closed).off('end', closed)
      finish()
    }
    const done = settle(resolve)
    const closed = settle(() => reject(closedEarly()))
    const failed = (error: Error) => settle(() => reject(error))()
    socket.on(name, done).on('error', failed).on('close', closed).on('end', closed)
  })
}

/** The server hung up too early; `when` completes the sentence. */
export function closedEarly(when = 'before it answered'): CheckError {
  return new CheckError('connection_error', 'closed_early', `the server closed the connection ${when}`)
}

/** A promise that gives up when the signal aborts; what it was waiting for goes on alone and is not missed. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Destroys the socket once it has received more than `maxBytes`. Attach it before the first reader. */
export function capBytes(socket: Socket, maxBytes: number): void {
  let received = 0
  socket.on('data', chunk => {
    received += chunk.length
    if (received > maxBytes) socket.destroy(tooLarge(maxBytes))
  })
}

export function tooLarge(maxBytes: number): CheckError {
  return new CheckError('protocol_error', 'body_too_large', `the server sent more than ${maxBytes} bytes`)
}
