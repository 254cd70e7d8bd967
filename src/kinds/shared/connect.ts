/** One fresh connection for one check: resolved, connected, upgraded to TLS and verified. Each step is a traced phase. */
import { isIP, type Socket } from 'node:net'
import { type Address, type CheckContext, CheckError } from '../../model/dependency.ts'
import { untilAborted } from '../../model/turns.ts'
import { chainOf } from './certificate.ts'
import { dial } from './dial.ts'
import type { IpFamily } from './options.ts'
import { guard, staysOpen, waitFor } from './socket.ts'
import { nameHandshakeError, type TlsOptions, type TlsSession, tlsSettings, verifyPeer } from './tls.ts'

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  /** Which of the host's addresses to dial. Default any. */
  readonly ipFamily?: IpFamily | undefined
  /** TLS after the TCP handshake; none if absent. */
  readonly tls?: TlsOptions | undefined
  /** Protocols to offer inside TLS (ALPN); none if absent. */
  readonly alpn?: readonly string[] | undefined
  /** Talks in clear text before TLS begins. Throws to refuse. */
  readonly beforeTls?: ((socket: Socket) => Promise<void>) | undefined
  /** Sees the session after the handshake, before the certificate is judged. */
  readonly afterHandshake?: ((session: TlsSession) => void) | undefined
  /**
   * How long the new connection must stay open, for checks that send nothing. One round trip is added, so that a refusal
   * can arrive. The first data from the server ends the wait and is lost. Default 0: no wait.
   */
  readonly settleMs?: number | undefined
}

/**
 * Returns a connected socket, verified if TLS is configured. It is destroyed when the signal aborts, and never emits an
 * unhandled error; the caller destroys it when done. All steps share the check's one deadline.
 *
 * @throws the error of `dns`, `net` or `tls` as Node gives it, a CheckError, or the abort reason.
 */
export async function connect(options: ConnectOptions, context: CheckContext): Promise<Socket> {
  const startedAt = performance.now()
  const { port, tls, settleMs = 0 } = options
  const addresses = await addressesOf(options, context)
  context.enter('connect')
  const { socket: plain, roundTripMs } = await dial(addresses, port, context)
  try {
    const socket = tls === undefined ? plain : await startTls(plain, options, tls, context)
    if (settleMs > 0) {
      context.enter('transfer')
      // Half of the remaining time: the wait alone must not reach the deadline.
      const leftMs = context.timeoutMs - (performance.now() - startedAt)
      await staysOpen(socket, Math.min(settleMs + roundTripMs, leftMs / 2))
    }
    return socket
  } catch (error) {
    plain.destroy()
    throw error
  }
}

/**
 * Returns the addresses of a host that are of the family, in the order in which to try them: for protocols over UDP.
 *
 * @throws CheckError `dns_error` if there are none, the error of `resolve`, or the abort reason.
 */
export async function addressesOf(
  options: Pick<ConnectOptions, 'host' | 'ipFamily'>,
  context: CheckContext,
): Promise<readonly Address[]> {
  return ofFamily(await resolve(options.host, context), options)
}

async function resolve(host: string, context: CheckContext): Promise<readonly Address[]> {
  if (isIP(host) !== 0) return await context.resolve(host)
  context.enter('dns')
  return await untilAborted(context.resolve(host), context.signal)
}

const families = { any: undefined, ipv4: 4, ipv6: 6 } as const

/** @throws CheckError if there are none. */
function ofFamily(
  addresses: readonly Address[],
  { host, ipFamily = 'any' }: Pick<ConnectOptions, 'host' | 'ipFamily'>,
): readonly Address[] {
  const wanted = families[ipFamily]
  const found = wanted === undefined ? addresses : addresses.filter(({ family }) => family === wanted)
  if (found.length > 0) return found
  const sort = wanted === undefined ? '' : `IPv${wanted} `
  throw new CheckError('dns_error', 'ENODATA', `${host} has no ${sort}address`)
}

async function startTls(plain: Socket, options: ConnectOptions, tls: TlsOptions, context: CheckContext) {
  context.enter('tls')
  await options.beforeTls?.(plain)
  // Not imported: most dependencies have no TLS, and node:tls takes 4 MiB.
  const socket = process.getBuiltinModule('node:tls').connect({
    socket: plain,
    ...tlsSettings(tls, options.host),
    ALPNProtocols: options.alpn?.slice(),
  })
  guard(socket, context.signal)
  try {
    await waitFor(socket, 'secureConnect').catch(error => {
      throw nameHandshakeError(error, socket, tls)
    })
    const session = { socket, chain: chainOf(socket.getPeerX509Certificate()) }
    options.afterHandshake?.(session)
    verifyPeer(session, tls, options.host, context)
  } catch (error) {
    socket.destroy()
    throw error
  }
  return socket
}
