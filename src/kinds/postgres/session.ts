/** A session with PostgreSQL through the driver: the login, queries, and how to stop a query from outside. */
import type { Socket } from 'node:net'
import { Client, Query } from 'pg'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import type { Login } from './options.ts'
import { type CancelKey, canBeOverheard, cancelRequest, createWire } from './wire.ts'

/** A row as the server wrote it: strings and nulls. */
export type Row = readonly (string | null)[]

/** What an examination needs of a session, ours or borrowed. */
export interface Queries {
  /** Runs SQL as it is through the simple query protocol. `onRow` may throw to end the session. */
  ask(sql: string, onRow: (row: Row) => void): Promise<void>
  /** A parameter that the server reported at login, if anybody was listening. */
  reported?(parameter: string): string | undefined
}

interface Session extends Queries {
  login(): Promise<void>
  /** Milliseconds since the last `ask`. */
  waitedMs(): number
  /** The key to stop the query from outside, once logged in. */
  cancelKey(): CancelKey | undefined
  /** Says goodbye and closes without waiting. */
  end(): void
}

/** No value is parsed: none is used except those of our own queries. */
const verbatim = { getTypeParser: () => (text: string) => text }

/** Returns the queries of a driver's client that somebody else connects and closes. */
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
 * Creates a session over a connected socket of our own. Nothing is sent before `login`.
 *
 * @param startup all parameters of the startup message, verbatim.
 */
export function createSession(
  socket: Socket,
  server: Login,
  startup: Readonly<Record<string, string>>,
): Session {
  const { host, port, user, database } = server
  const parameters = new Map<string, string>()
  let key: CancelKey | undefined
  let inClear = false
  let lost: Error | undefined
  // An error that no ReadyForQuery has followed yet. If the connection ends now, this is why.
  let fatal: Error | undefined
  let askedAt = 0
  // For each field that is missing, the driver reads the environment; for the password, ~/.pgpass.
  const client = new Client({
    ...{ host, port, user, database, ssl: false, sslnegotiation: 'postgres' },
    stream: () => createWire(socket),
    password: () => givePassword(server, inClear && canBeOverheard(socket)),
  })
  // Undocumented, but the only way to keep PGOPTIONS and PGAPPNAME out; a test guards it.
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

/** The driver's own errors about a login, such as an unusable SCRAM message, have no code. */
function loginFailure(error: Error): Error {
  const named = error instanceof CheckError || 'code' in error
  return named ? error : new CheckError('protocol_error', 'protocol_error', error.message, { cause: error })
}

/**
 * Returns the password when the server asks for it. In clear text it is sent only over TLS or within this machine:
 * otherwise, anybody in between could ask for it, whatever method the server uses.
 */
function givePassword({ password }: Login, exposed: boolean): string {
  const value = password?.reveal() ?? ''
  if (value === '')
    throw new CheckError('auth_error', 'no_password', 'the server asks for a password and none is configured')
  if (exposed)
    throw new CheckError(
      'auth_error',
      'cleartext_refused',
      'the server asks for the password in clear text; it is sent over TLS only',
    )
  return value
}

interface Cancel {
  /**
   * Asks the server to stop the session's query, if there is a session. Best effort: it never fails. Resolves when the
   * server has complied or does not answer. A call during a request joins it.
   */
  send(): Promise<void>
  /** Resolves when no request is under way. */
  finished(): Promise<void>
  /** Whether a request was made. */
  isSent(): boolean
}

/** Longer than a live server needs, and less than a shutdown waits for checks to end. */
const cancelMs = 400

/**
 * Creates what cancels the queries of a session. A request has a time limit of its own and outlives the check's signal: if
 * we hang up before PgBouncer has passed it on, versions 1.18 and 1.19 exit (pgbouncer/pgbouncer#801) and later ones
 * drop the request.
 *
 * @param peer the very server that the session is with. Its name alone may stand for several.
 */
export function createCancel(session: Session, peer: ConnectOptions, context: CheckContext): Cancel {
  let isSent = false
  let underWay: Promise<void> | undefined
  const request = async () => {
    const key = session.cancelKey()
    if (key === undefined) return
    isSent = true
    await within(cancelMs, signal => deliver(cancelRequest(key), peer, { ...context, ...untraced, signal }))
  }
  const done = () => {
    underWay = undefined
  }
  return {
    async send() {
      underWay ??= request().finally(done)
      await underWay
    },
    async finished() {
      await underWay
    },
    isSent: () => isSent,
  }
}

/** Sends the request and waits for the server to hang up, which is its way to confirm. */
async function deliver(request: Buffer, peer: ConnectOptions, context: CheckContext): Promise<void> {
  try {
    const socket = await connect(peer, context)
    socket.write(request)
    await new Promise(resolve => socket.once('close', resolve).resume())
  } catch {
    // The server's own statement_timeout remains.
  }
}

/** Runs work that is aborted after so many milliseconds. */
async function within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  await work(controller.signal)
  clearTimeout(timer)
}

/** A cancel request is not part of the check that it follows. */
const untraced = { enter() {}, measure() {}, presume() {} }
