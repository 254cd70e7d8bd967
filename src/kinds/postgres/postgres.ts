/**
 * PostgreSQL: a fresh login and a query that must succeed. Optionally, the server must be a primary or a standby, or must
 * accept writes. The environment (`PG*`), `~/.pgpass` and service files have no effect.
 */
import type { Socket } from 'node:net'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind, withBorrowed } from '../../model/kind.ts'
import { formatAddress } from '../../model/notation.ts'
import { bothMeasurements } from '../shared/borrowed.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import { isTls } from '../shared/socket.ts'
import { examine } from './examine.ts'
import { failures, isServerError, nameServerError } from './failures.ts'
import { type Login, loginOf, type Options, options } from './options.ts'
import { openPool, poolMeasurements, poolOptions, poolTarget } from './pool.ts'
import type * as Sessions from './session.ts'
import { requestTls } from './wire.ts'

const measurements = {
  in_recovery: '1 if the server is a standby or is recovering, 0 if it is a primary.',
  replication_lag_seconds:
    'Standby only: age of the last replayed transaction; 0 while everything received has been replayed.',
  ...poolMeasurements,
  ...bothMeasurements,
}

const byAddress = defineKind({
  name: 'postgres',
  schemes: ['postgres', 'postgresql'],
  options,
  example: { url: 'postgres://app@db.example:5432/orders' },
  measurements,
  failures,
  target: options => {
    const { host, port, database } = loginOf(options)
    return `${formatAddress(host, port)}/${database}`
  },
  open: options => {
    const login = loginOf(options)
    // The driver comes with it.
    const sessions = import('./session.ts')
    return { check: async context => check(await sessions, login, options, context) }
  },
})

const byPool = defineKind({
  name: 'postgres',
  options: poolOptions,
  measurements,
  failures,
  target: options => poolTarget(options, byAddress.target),
  open: options => {
    const fresh = options.fresh && byAddress.open(options.fresh)
    return openPool(options, fresh?.check)
  },
})

/** `postgres({ url })` connects anew for each check; `postgres({ pool })` asks through the application's pool. */
export const postgres = withBorrowed(byAddress, 'pool', byPool)

async function check(
  { createCancel, createSession }: typeof Sessions,
  login: Login,
  options: Options,
  context: CheckContext,
): Promise<void> {
  const life = new AbortController()
  let leave = async () => {}
  context.signal.addEventListener('abort', () => leave().then(() => life.abort()))
  const socket = await dial(login, { ...context, signal: life.signal })
  const limitMs = serverLimitMs(context.timeoutMs)
  const session = createSession(socket, login, startupOf(login, options, limitMs))
  const cancel = createCancel(session, peerOf(socket, login), context)
  // Once the session is gone, a pooler no longer knows what to cancel. So it is asked before: on abort, and at the limit.
  leave = cancel.send
  const timer = options.pooler ? setTimeout(cancel.send, limitMs) : undefined
  // Measured from here to the server's answer: except for clock drift, never less than what the server measured.
  const hasPassed = () => (options.pooler ? cancel.isSent() : session.waitedMs() >= 0.99 * limitMs)
  try {
    context.enter('auth')
    await session.login()
    context.enter('request')
    await examine(session, options, context)
    session.end()
  } catch (error) {
    socket.destroy()
    throw isServerError(error) ? nameServerError(error, hasPassed()) : error
  } finally {
    clearTimeout(timer)
    leave = async () => {}
    await cancel.finished()
  }
}

async function dial(login: Login, context: CheckContext): Promise<Socket> {
  const { host, port, ipFamily, tls } = login
  const socket = await connect({ host, port, ipFamily, tls, ...negotiationOf(login) }, context)
  if (!login.direct || hasAgreed(socket)) return socket
  socket.destroy()
  throw new CheckError('tls_error', 'tls_protocol', 'the server does not support direct TLS negotiation')
}

/** How TLS begins: after a plain-text request, or at once, for which PostgreSQL 17 and later require ALPN. */
function negotiationOf({ direct }: Login): Pick<ConnectOptions, 'alpn' | 'beforeTls'> {
  return direct ? { alpn: [protocol] } : { beforeTls: requestTls }
}

const protocol = 'postgresql'

/** Without ALPN, the peer may be a server of another protocol that has the same certificate. */
function hasAgreed(socket: Socket): boolean {
  return isTls(socket) && socket.alpnProtocol === protocol
}

/** The very server that was dialled, out of all that the name may stand for; verified under that name. */
function peerOf({ remoteAddress }: Socket, login: Login): ConnectOptions {
  const { host, port, tls } = login
  const named = tls && { ...tls, servername: tls.servername ?? host }
  return { host: remoteAddress ?? host, port, tls: named, ...negotiationOf(login) }
}

/** The server's own timeout: a little shorter than ours, so that no blocked query is left behind. */
function serverLimitMs(timeoutMs: number): number {
  return Math.max(timeoutMs - 200, Math.ceil(timeoutMs / 2))
}

/** The parameters of the startup message. A pooler rejects those that it does not know. */
function startupOf({ user, database, applicationName }: Login, { pooler }: Options, limitMs: number) {
  if (pooler) return { user, database }
  return { user, database, application_name: applicationName, statement_timeout: String(limitMs) }
}
