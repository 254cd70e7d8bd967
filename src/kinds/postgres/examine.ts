/** What is asked of a server after login: its state, whether it accepts writes, and the query. */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { isServerError } from './failures.ts'
import type { Options } from './options.ts'
import type { Queries, Row } from './session.ts'

/** What is required of a server. */
type Demand = Pick<Options, 'role' | 'writable' | 'pooler' | 'query'>

/** A query that returns more rows is a mistake in the config, and puts load on the server. */
const maxRows = 1_000

/**
 * Examines a server through a session that somebody else opens and ends.
 *
 * @throws the server's error as the driver gives it, for `nameServerError`; a CheckError; or what ended the session.
 */
export async function examine(session: Queries, demand: Demand, context: CheckContext): Promise<void> {
  if (isKnownPrimary(session, demand)) context.measure('in_recovery', 0)
  else await examineState(session, demand, context)
  if (demand.writable) await probeWrite(session)
  let rows = 0
  await session.ask(demand.query, () => {
    rows += 1
    if (rows > maxRows) throw tooManyRows()
  })
}

/** Since PostgreSQL 14, the login reports whether the server is a standby. A pooler repeats what it once heard. */
function isKnownPrimary(session: Queries, { role, writable, pooler }: Demand): boolean {
  return role === 'any' && !writable && !pooler && session.reported?.('in_hot_standby') === 'off'
}

/**
 * Two statements in one message: where the second is refused, as on some managed services, the first has already answered.
 * The lag is 0 only while a WAL receiver runs: without one, "everything received is replayed" means nothing. Needs
 * PostgreSQL 10.
 */
const stateSql = `SELECT pg_is_in_recovery(), current_setting('transaction_read_only');
SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL
WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
ELSE greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())) END`

/** Measures the server's state and judges it if the options ask for that. If they do not, a server may refuse to tell. */
async function examineState(session: Queries, demand: Demand, context: CheckContext): Promise<void> {
  const rows: Row[] = []
  const refused = await session.ask(stateSql, row => rows.push(row)).catch(returnServerError)
  const [state, lag] = rows
  if (state !== undefined) {
    context.measure('in_recovery', state[0] === 't' ? 1 : 0)
    if (lag?.[0] != null) context.measure('replication_lag_seconds', Number(lag[0]))
    judge(state[0] === 't', state[1] === 'on', demand)
  } else if (demand.role !== 'any' || demand.writable) {
    throw (
      refused ?? new CheckError('protocol_error', 'protocol_error', 'the server does not report its state')
    )
  }
}

/** Turns the server's own errors into values. */
function returnServerError(error: unknown): unknown {
  if (isServerError(error)) return error
  throw error
}

function judge(inRecovery: boolean, readOnly: boolean, { role, writable }: Demand): void {
  const refuse = (detail: string, message: string) => new CheckError('unhealthy', detail, message)
  if (role === 'primary' && inRecovery)
    throw refuse('read_only', 'the server is a standby; a primary is expected')
  if (role === 'standby' && !inRecovery)
    throw refuse('wrong_role', 'the server is a primary; a standby is expected')
  if (writable && inRecovery) throw refuse('read_only', 'the server is a standby and accepts no writes')
  if (writable && readOnly) throw refuse('read_only', 'transactions are read-only by default')
}

/**
 * A write that leaves nothing behind: a set of rows too large for its memory spills into a temporary file of about 50 kB
 * in the tablespace of the database, which ends with the statement. It fails where a table could not grow (53100), and
 * needs no privilege, no transaction id, no WAL and no row of a catalog. Writing WAL proves less: it goes into a
 * preallocated file, even on a full disk.
 */
const writeSql = `SET LOCAL temp_tablespaces = ''; SET LOCAL work_mem = '64kB';
SELECT count(*) FROM generate_series(1, 4000)`

async function probeWrite(session: Queries): Promise<void> {
  await session.ask(writeSql, () => {})
}

function tooManyRows(): CheckError {
  const message = `the query returned more than ${maxRows} rows; add LIMIT 1 to it`
  return new CheckError('protocol_error', 'body_too_large', message)
}
