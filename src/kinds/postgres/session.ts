/** A session with PostgreSQL through the driver: login, queries, and what the server's errors mean. */
import type { Socket } from 'node:net'
import { Client, DatabaseError, Query } from 'pg'
import { CheckError } from '../../model/dependency.ts'
import { findFailure } from '../../model/kind.ts'
import { failures } from './failures.ts'
import type { Address } from './options.ts'
import { isPoolerError, poolerRefusal } from './pooler.ts'
import { type CancelKey, canBeOverheard, createWire } from './wire.ts'

/** A row as the server wrote it: texts, and null. */
export type Row = readonly (string | null)[]

/** What an examination needs of a session, ours or borrowed. */
export interface Queries {
  /** Runs SQL through the simple query protocol, as it is; `onRow` may throw to end the session. */
  ask(sql: string, onRow: (row: Row) => void): Promise<void>
  /** What the server said of itself at login, if anybody listened. */
  reported?(parameter: string): string | undefined
}

export interface Session extends Queries {
  login(): Promise<void>
  /** Milliseconds since the last `ask`. */
  waitedMs(): number
  /** What it takes to stop the query from outside, once logged in. */
  cancelKey(): CancelKey | undefined
  /** Says goodbye and closes, without waiting for anything. */
  end(): void
}

/** No value is parsed: none is used but our own. */
const verbatim = { getTypeParser: () => (text: string) => text }

/** The queries of a driver's client that somebody else connects and closes. */
export function queriesOf(client: Pick<Client, 'query'>): Queries {
  return {
    ask: (sql, onRow) =>
      new Promise((resolve, reject) => {
        const asRead = { text: sql, rowMode: 'array', types: verbatim }
        const query = new Query<string[]>(asRead)
        query.on('row', onRow).on('error', reject)
        query.on('end', () => resolve())
        client.query(query)
      }),
  }
}

/**
 * A session over a connected socket that is ours; nothing is sent before `login`.
 *
 * @param startup all parameters of the startup message, as they are.
 */
export function createSession(
  socket: Socket,
  address: Address,
  startup: Readonly<Record<string, string>>,
): Session {
  const { host, port, user, database } = address
  const parameters = new Map<string, string>()
  let key: CancelKey | undefined
  let inClear = false
  let lost: Error | undefined
  // The error that no ReadyForQuery has followed: if the connection ends now, this is why.
  let fatal: Error | undefined
  let askedAt = 0
  // The driver reads the environment for every field that is not given, and ~/.pgpass if the password is not.
  const client = new Client({
    ...{ host, port, user, database, ssl: false, sslnegotiation: 'postgres' },
    stream: () => createWire(socket),
    password: () => password(address, inClear && canBeOverheard(socket)),
  })
  // Not a documented seam, but the only one at which PGOPTIONS and PGAPPNAME do not get in; a test watches over it.
  Object.assign(client, { getStartupConf: () => startup })
  const queries = queriesOf(client)
  client.on('error', error => {
    lost ??= fatal ?? error
  })
  client.connection
    .on('parameterStatus', status => parameters.set(status.parameterName, status.parameterValue))
    .on('authenticationCleartextPassword', () => {
      inClear = true
    })
    .on('backendKeyData', data => {
      key = data
    })
    .on('errorMessage', error => {
      fatal ??= error
    })
    .on('readyForQuery', () => {
      fatal = undefined
    })
  return {
    login: async () => {
      await client.connect().catch(error => Promise.reject(loginFailure(error)))
    },
    ask: async (sql, onRow) => {
      if (lost !== undefined) throw lost
      askedAt = performance.now()
      await queries.ask(sql, onRow).catch(error => {
        throw fatal ?? error
      })
    },
    waitedMs: () => performance.now() - askedAt,
    reported: parameter => parameters.get(parameter),
    cancelKey: () => key,
    end: () => client.end(() => {}),
  }
}

/** The driver's own words about a login, such as an unusable SCRAM message, carry no code. */
function loginFailure(error: Error): Error {
  const named = error instanceof CheckError || 'code' in error
  return named ? error : new CheckError('protocol_error', 'protocol_error', error.message, { cause: error })
}

/**
 * The password, when the server asks for it. In clear it is sent over TLS and to this machine only: whoever sits in
 * between could otherwise ask for it just so, whatever method the server uses.
 */
function password({ password }: Address, exposed: boolean): string {
  const value = password?.reveal() ?? ''
  if (value === '')
    throw new CheckError('auth_error', 'no_password', 'the server asks for a password and none is configured')
  if (exposed)
    throw new CheckError(
      'auth_error',
      'cleartext_refused',
      'the server asks for the password in clear; it is sent over TLS only',
    )
  return value
}

/** Whether an error is the server's own message. A borrowed client may be of another copy of the driver. */
export function isRefusal(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError || (error instanceof Error && 'severity' in error && 'code' in error)
}

const queryCanceled = '57014'

/**
 * What an error message of the server stands for: its SQLSTATE is the detail.
 *
 * @param limitPassed whether the query has had all the time that we gave it. One and the same code says that a limit
 *   has passed and that somebody has cancelled the query, and the text, which may be translated, decides nothing here.
 */
export function refusal(error: DatabaseError, limitPassed = false): CheckError {
  const { code = '', message } = error
  if (!/^[0-9A-Z]{5}$/.test(code)) return new CheckError('protocol_error', 'protocol_error', message)
  if (isPoolerError(error)) return poolerRefusal(message)
  if (code === queryCanceled && limitPassed) return new CheckError('timeout', '57014', message)
  const [reason] = findFailure(failures, code) ?? failures['?????']
  return new CheckError(reason, code, message)
}
