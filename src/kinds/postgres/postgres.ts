/**
 * PostgreSQL: a fresh login, and a query that succeeds; optionally on a primary or a standby, and where it is possible
 * to write. The environment (`PG*`), `~/.pgpass` and service files have no say.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import { hostPort } from '../shared/options.ts'
import { createCancel } from './cancel.ts'
import { examine } from './examine.ts'
import { failures } from './failures.ts'
import { type Address, addressOf, type Options, options } from './options.ts'
import { createSession, isRefusal, refusal } from './session.ts'
import { requestTls } from './wire.ts'

export const postgres = defineKind({
  name: 'postgres',
  schemes: ['postgres', 'postgresql'],
  options,
  example: { url: 'postgres://app@db.example:5432/orders' },
  measurements: {
    in_recovery: '1 if the server is a standby or is recovering, 0 if it is a primary.',
    replication_lag_seconds:
      'Standby only: age of the last transaction replayed, 0 while all that was received is replayed.',
  },
  failures,
  target: options => {
    const { host, port, database } = addressOf(options)
    return `${hostPort(host, port)}/${database}`
  },
  open: options => {
    const address = addressOf(options)
    return { check: context => check(address, options, context) }
  },
})

async function check(address: Address, options: Options, context: CheckContext): Promise<void> {
  const life = new AbortController()
  let leave = async () => {}
  context.signal.addEventListener('abort', () => leave().then(() => life.abort()))
  const socket = await dial(address, { ...context, signal: life.signal })
  const limitMs = serverLimitMs(context.timeoutMs)
  const session = createSession(socket, address, startup(address, options, limitMs))
  const cancel = createCancel(session, peerOf(socket, address), context)
  // A pooler forgets whom to cancel once the session is gone, so it is asked before: at an abort, and at the limit.
  leave = cancel.send
  const timer = options.pooler ? setTimeout(cancel.send, limitMs) : undefined
  // Measured from here to the server's answer: never less than what the server measured, but for the drift of clocks.
  const hasPassed = () => (options.pooler ? cancel.isSent() : session.waitedMs() >= 0.99 * limitMs)
  try {
    context.enter('auth')
    await session.login()
    context.enter('request')
    await examine(session, options, context)
    session.end()
  } catch (error) {
    socket.destroy()
    throw isRefusal(error) ? refusal(error, hasPassed()) : error
  } finally {
    clearTimeout(timer)
    leave = async () => {}
    await cancel.finished()
  }
}

async function dial(address: Address, context: CheckContext): Promise<Socket> {
  const { host, port, ipFamily, tls } = address
  const socket = await connect({ host, port, ipFamily, tls, ...negotiation(address) }, context)
  if (!address.direct || isAgreed(socket)) return socket
  socket.destroy()
  throw new CheckError('tls_error', 'tls_protocol', 'the server does not speak PostgreSQL right inside TLS')
}

/** How TLS begins: after a request in clear, or at once, for which PostgreSQL 17 and later demand ALPN. */
function negotiation({ direct }: Address): Pick<ConnectOptions, 'alpn' | 'beforeTls'> {
  return direct ? { alpn: [protocol] } : { beforeTls: requestTls }
}

const protocol = 'postgresql'

/** Without ALPN, TLS may end at a server of another protocol that holds the same certificate. */
function isAgreed(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.alpnProtocol === protocol
}

/** The very server that was dialled, out of all that the name may stand for, under the same name. */
function peerOf({ remoteAddress }: Socket, address: Address): ConnectOptions {
  const { host, port, tls } = address
  const named = tls && { ...tls, servername: tls.servername ?? host }
  return { host: remoteAddress ?? host, port, tls: named, ...negotiation(address) }
}

/** Where the server's own timeout ends: a little inside ours, so that a query which waits does not stay behind. */
function serverLimitMs(timeoutMs: number): number {
  return Math.max(timeoutMs - 200, Math.ceil(timeoutMs / 2))
}

/** What the server is told at login. A pooler refuses parameters that it does not know. */
function startup({ user, database, applicationName }: Address, { pooler }: Options, limitMs: number) {
  if (pooler) return { user, database }
  return { user, database, application_name: applicationName, statement_timeout: String(limitMs) }
}
