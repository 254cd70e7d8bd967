/**
 * PostgreSQL: a fresh login, and a query that succeeds; optionally on a primary or a standby, and where it is possible
 * to write. The environment (`PG*`), `~/.pgpass` and service files have no say.
 */
import type { Socket } from 'node:net'
import { CheckError, type CheckerContext, defineKind, type PhaseTrace } from '../dependency.ts'
import { type Address, addressOf, type Options, options } from './postgres-options.ts'
import { createSession, isRefusal, type Row, refusal, type Session } from './postgres-session.ts'
import { type CancelKey, cancelRequest, requestTls } from './postgres-wire.ts'
import { type ConnectOptions, connect } from './shared/connect.ts'
import { hostPort } from './shared/options.ts'

export const postgres = defineKind({
  kind: 'postgres',
  schemes: ['postgres', 'postgresql'],
  options,
  measurements: {
    in_recovery: '1 if the server is a standby or is recovering, 0 if it is a primary.',
    replication_lag_seconds:
      'Standby only: age of the last transaction replayed, 0 while all that was received is replayed.',
  },
  target: options => {
    const { host, port, database } = addressOf(options)
    return `${hostPort(host, port)}/${database}`
  },
  open: (options, context) => {
    const address = addressOf(options)
    return { check: (signal, trace) => check(address, options, context, signal, trace) }
  },
})

async function check(
  address: Address,
  options: Options,
  context: CheckerContext,
  signal: AbortSignal,
  trace: PhaseTrace,
): Promise<void> {
  const { host, port, tls } = address
  const { ipFamily } = options
  const socket = await connect({ host, port, ipFamily, tls, beforeTls: requestTls }, context, signal, trace)
  const peer = peerOf(socket, address)
  const limitMs = serverLimitMs(context.timeoutMs)
  const session = createSession(socket, address, startup(address, options, limitMs))
  const stop = async (signal: AbortSignal) => {
    const key = session.cancelKey()
    if (key !== undefined) await cancel(key, peer, context, signal)
  }
  // A pooler forgets whom to cancel once we are gone, so it has to be asked before.
  const timer = options.pooler ? setTimeout(() => stop(signal), limitMs) : undefined
  try {
    trace.enter('auth')
    await session.login()
    trace.enter('request')
    await examine(session, options, trace)
    session.end()
  } catch (error) {
    socket.destroy()
    if (signal.aborted) await within(cancelMs, stop)
    throw isRefusal(error) ? refusal(error) : error
  } finally {
    clearTimeout(timer)
  }
}

/** The very server that was dialled, out of all that the name may stand for, under the same name. */
function peerOf({ remoteAddress }: Socket, { host, port, tls }: Address): ConnectOptions {
  const named = tls && { ...tls, servername: tls.servername ?? host }
  return { host: remoteAddress ?? host, port, tls: named, beforeTls: requestTls }
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

/** A query with more rows than this is a mistake in the config, and load on the server. */
const maxRows = 1_000

async function examine(session: Session, options: Options, trace: PhaseTrace): Promise<void> {
  if (isTold(session, options)) trace.measure('in_recovery', 0)
  else await examineState(session, options, trace)
  let rows = 0
  await session.ask(options.query, () => {
    rows += 1
    if (rows > maxRows) throw tooManyRows()
  })
}

/** Since PostgreSQL 14 a login tells a primary from a standby; a pooler tells what it once heard. */
function isTold(session: Session, { role, writable, pooler }: Options): boolean {
  return role === 'any' && !writable && !pooler && session.reported('in_hot_standby') === 'off'
}

/**
 * Two statements in one message: where the second is refused, as on some managed services, the first has answered.
 * The lag is 0 only while a WAL receiver runs: without one, "all received is replayed" says nothing. PostgreSQL 10 on.
 */
const stateSql = `SELECT pg_is_in_recovery(), current_setting('transaction_read_only');
SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL
WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
ELSE greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())) END`

/** Measures the server's state, and judges it if the options ask for that; if not, a server may refuse to tell. */
async function examineState(session: Session, options: Options, trace: PhaseTrace): Promise<void> {
  const rows: Row[] = []
  const refused = await session.ask(stateSql, row => rows.push(row)).catch(serverError)
  const [state, lag] = rows
  if (state !== undefined) {
    trace.measure('in_recovery', state[0] === 't' ? 1 : 0)
    if (lag?.[0] != null) trace.measure('replication_lag_seconds', Number(lag[0]))
    judge(state[0] === 't', state[1] === 'on', options)
  } else if (options.role !== 'any' || options.writable) {
    throw refused ?? new CheckError('protocol_error', 'protocol_error', 'the server does not tell its state')
  }
}

/** Lets the server's own messages pass as values. */
function serverError(error: unknown): unknown {
  if (isRefusal(error)) return error
  throw error
}

function judge(inRecovery: boolean, readOnly: boolean, { role, writable }: Options): void {
  const refuse = (detail: string, message: string) => new CheckError('unhealthy', detail, message)
  if (role === 'primary' && inRecovery) throw refuse('read_only', 'a primary is expected; this is a standby')
  if (role === 'standby' && !inRecovery)
    throw refuse('wrong_role', 'a standby is expected; this is a primary')
  if (writable && inRecovery) throw refuse('read_only', 'the server is a standby, so nothing can be written')
  if (writable && readOnly) throw refuse('read_only', 'transactions are read-only by default')
}

function tooManyRows(): CheckError {
  const message = `the query returned more than ${maxRows} rows; add LIMIT 1 to it`
  return new CheckError('protocol_error', 'body_too_large', message)
}

/** Longer than a server needs that is alive, and short enough for a shutdown. */
const cancelMs = 500

/** Work that is aborted after so many milliseconds. */
async function within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  await work(controller.signal)
  clearTimeout(timer)
}

/** Stops the query of a session, over a connection of its own as the protocol wants it. Best effort: it never fails. */
async function cancel(
  key: CancelKey,
  peer: ConnectOptions,
  context: CheckerContext,
  signal: AbortSignal,
): Promise<void> {
  try {
    const socket = await connect(peer, context, signal, untraced)
    // The server hangs up when it has done it; PgBouncer forgets the request if we hang up first.
    socket.write(cancelRequest(key))
    await new Promise(resolve => socket.once('close', resolve).resume())
  } catch {
    // What remains is the server's own statement_timeout.
  }
}

const untraced: PhaseTrace = { enter() {}, measure() {}, traceparent: () => '', presume() {} }
