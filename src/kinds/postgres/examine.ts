/** What is asked of a server once somebody is logged in: its state, whether it can write, and the query. */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import type { Options } from './options.ts'
import { isRefusal, type Queries, type Row } from './session.ts'

/** What a server must show. */
export type Demand = Pick<Options, 'role' | 'writable' | 'pooler' | 'query'>

/** A query with more rows than this is a mistake in the config, and load on the server. */
const maxRows = 1_000

/**
 * Asks for what is demanded, through a session that somebody else opens and ends.
 *
 * @throws the server's own message as the driver gives it, for `refusal` to name; a CheckError; or what ended the session.
 */
export async function examine(session: Queries, demand: Demand, context: CheckContext): Promise<void> {
  if (isTold(session, demand)) context.measure('in_recovery', 0)
  else await examineState(session, demand, context)
  if (demand.writable) await write(session)
  let rows = 0
  await session.ask(demand.query, () => {
    rows += 1
    if (rows > maxRows) throw tooManyRows()
  })
}

/** Since PostgreSQL 14 a login tells a primary from a standby; a pooler tells what it once heard. */
function isTold(session: Queries, { role, writable, pooler }: Demand): boolean {
  return role === 'any' && !writable && !pooler && session.reported?.('in_hot_standby') === 'off'
}

/**
 * Two statements in one message: where the second is refused, as on some managed services, the first has answered.
 * The lag is 0 only while a WAL receiver runs: without one, "all received is replayed" says nothing. PostgreSQL 10 on.
 */
const stateSql = `SELECT pg_is_in_recovery(), current_setting('transaction_read_only');
SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL
WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
ELSE greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())) END`

/** Measures the server's state, and judges it if that is demanded; if not, a server may refuse to tell. */
async function examineState(session: Queries, demand: Demand, context: CheckContext): Promise<void> {
  const rows: Row[] = []
  const refused = await session.ask(stateSql, row => rows.push(row)).catch(serverError)
  const [state, lag] = rows
  if (state !== undefined) {
    context.measure('in_recovery', state[0] === 't' ? 1 : 0)
    if (lag?.[0] != null) context.measure('replication_lag_seconds', Number(lag[0]))
    judge(state[0] === 't', state[1] === 'on', demand)
  } else if (demand.role !== 'any' || demand.writable) {
    throw refused ?? new CheckError('protocol_error', 'protocol_error', 'the server does not tell its state')
  }
}

/** Lets the server's own messages pass as values. */
function serverError(error: unknown): unknown {
  if (isRefusal(error)) return error
  throw error
}

function judge(inRecovery: boolean, readOnly: boolean, { role, writable }: Demand): void {
  const refuse = (detail: string, message: string) => new CheckError('unhealthy', detail, message)
  if (role === 'primary' && inRecovery) throw refuse('read_only', 'a primary is expected; this is a standby')
  if (role === 'standby' && !inRecovery)
    throw refuse('wrong_role', 'a standby is expected; this is a primary')
  if (writable && inRecovery) throw refuse('read_only', 'the server is a standby, so nothing can be written')
  if (writable && readOnly) throw refuse('read_only', 'transactions are read-only by default')
}

/**
 * A write that leaves nothing: a set of rows too large for its memory goes to a temporary file of about 50 kB in the
 * tablespace of the database, which ends with the statement. It fails where a table could not grow (53100), and takes
 * no right, no transaction id, no WAL and no row of a catalog. A record of WAL proves less: it goes into a file that is
 * there already, on a full disk as well.
 */
const writeSql = `SET LOCAL temp_tablespaces = ''; SET LOCAL work_mem = '64kB';
SELECT count(*) FROM generate_series(1, 4000)`

async function write(session: Queries): Promise<void> {
  await session.ask(writeSql, () => {})
}

function tooManyRows(): CheckError {
  const message = `the query returned more than ${maxRows} rows; add LIMIT 1 to it`
  return new CheckError('protocol_error', 'body_too_large', message)
}
