/** One fresh connection for one check: resolved, connected, upgraded to TLS and verified, each a traced phase. */
import { isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { CheckError, type CheckerContext, type PhaseTrace } from '../../dependency.ts'
import { type Addresses, dial } from './dial.ts'
import type { IpFamily } from './options.ts'
import { event, guard, staysOpen } from './socket.ts'
import { handshakeFailure, type TlsOptions, tlsSettings, verifyPeer } from './tls.ts'

export { capBytes, closedEarly, tooLarge } from './socket.ts'

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  /** Which of the host's addresses to dial. Default any. */
  readonly ipFamily?: IpFamily | undefined
  /** TLS after the TCP handshake; none if absent. */
  readonly tls?: TlsOptions | undefined
  /** Protocols to offer inside TLS (ALPN); none if absent. */
  readonly alpn?: readonly string[]
  /** What the protocol says in the clear before TLS begins. Throws to refuse. */
  readonly beforeTls?: (socket: Socket) => Promise<void>
  /**
   * How long the new connection must stay open, for checks that ask nothing. One round trip is added, so that a refusal
   * can arrive. The first data from the server ends the wait and is lost. Default 0: no wait.
   */
  readonly settleMs?: number | undefined
}

/**
 * A connected socket, verified if TLS is asked for. It is destroyed when the signal aborts and emits no unhandled
 * error, then or later; the caller destroys it when done. Every step is inside the check's one deadline.
 *
 * @throws the error of `dns`, `net` or `tls` as Node gives it, a CheckError, or the abort reason.
 */
export async function connect(
  options: ConnectOptions,
  context: CheckerContext,
  signal: AbortSignal,
  trace: PhaseTrace,
): Promise<Socket> {
  const startedAt = performance.now()
  const { host, port, tls, settleMs = 0 } = options
  const addresses = ofFamily(await resolved(host, context, signal, trace), options)
  trace.enter('connect')
  const { socket: plain, roundTripMs } = await dial(addresses, port, context.timeoutMs, signal)
  try {
    const socket = tls === undefined ? plain : await secured(plain, options, tls, signal, trace)
    if (settleMs > 0) {
      trace.enter('transfer')
      // Half of what is left: the wait alone must not run into the deadline.
      const leftMs = context.timeoutMs - (performance.now() - startedAt)
      await staysOpen(socket, Math.min(settleMs + roundTripMs, leftMs / 2))
    }
    return socket
  } catch (error) {
    plain.destroy()
    throw error
  }
}

async function resolved(host: string, context: CheckerContext, signal: AbortSignal, trace: PhaseTrace) {
  if (isIP(host) !== 0) return await context.resolve(host)
  trace.enter('dns')
  return await abortable(context.resolve(host, signal), signal)
}

const families = { any: undefined, ipv4: 4, ipv6: 6 } as const

/** @throws CheckError if there are none. */
function ofFamily(addresses: Addresses, { host, ipFamily = 'any' }: ConnectOptions): Addresses {
  const wanted = families[ipFamily]
  const found = wanted === undefined ? addresses : addresses.filter(({ family }) => family === wanted)
  if (found.length > 0) return found
  const sort = wanted === undefined ? '' : `IPv${wanted} `
  throw new CheckError('dns_error', 'ENODATA', `${host} has no ${sort}address`)
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
    await event(socket, 'secureConnect').catch(error => {
      throw handshakeFailure(error, socket, tls)
    })
    verifyPeer(socket, tls, options.host, trace)
  } catch (error) {
    socket.destroy()
    throw error
  }
  return socket
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
