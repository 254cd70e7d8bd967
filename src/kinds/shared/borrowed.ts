/** Checks through a client of the application, alone or beside a fresh connection. */
import { type CheckContext, CheckError } from '../../model/dependency.ts'

/** The part of a `pg.Pool` that a check uses, of any version of `pg` 8. */
export interface PostgresPool {
  /** Connections that are open. */
  readonly totalCount: number
  /** Connections that nobody uses. */
  readonly idleCount: number
  /** Requests that wait for a connection. */
  readonly waitingCount: number
  /** Gives a connection, which goes back by its `release`. */
  connect(): Promise<PostgresPoolClient>
  /** Listens for errors of idle connections. */
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Ends that. */
  off(event: 'error', listener: (error: Error) => void): unknown
}

/** The part of its client that a check uses. */
export interface PostgresPoolClient {
  /** Asks a query. */
  query(query: never): Promise<unknown>
  /** Gives the connection back; with true, it is destroyed. */
  release(error?: Error | boolean): void
  /** Listens for errors of the connection. */
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Ends that. */
  off(event: 'error', listener: (error: Error) => void): unknown
}

/** The part of an ioredis `Redis` or `Cluster` that a check uses, of any version of ioredis 5 and 6. */
export interface RedisClient {
  /** `ready`, `connecting`, `reconnecting`, `end` and so on. */
  readonly status: string
  /** Sends a command. */
  call(command: string, ...args: (string | Buffer)[]): Promise<unknown>
}

export type Check = (context: CheckContext) => Promise<void>

/** What is measured of a check both ways. */
export const bothMeasurements = {
  client_success:
    "1 if the check through the application's client succeeded, otherwise 0, if it is checked both ways.",
  fresh_success: '1 if the check over a fresh connection succeeded, otherwise 0, if it is checked both ways.',
} as const

/**
 * Checks in both ways at once. If the fresh connection fails, its failure is reported, otherwise that of the client;
 * measurements tell which of the two failed. The phases are those of the fresh connection.
 */
export async function checkBothWays(fresh: Check, client: Check, context: CheckContext): Promise<void> {
  let isFreshOk = false
  let presumed: CheckError | undefined
  const presume = () => context.presume(isFreshOk ? presumed : undefined)
  const note = async (name: keyof typeof bothMeasurements, answer: Promise<void>) => {
    context.measure(name, 0)
    await answer
    context.measure(name, 1)
  }
  const viaFresh = note('fresh_success', fresh(context)).then(() => {
    isFreshOk = true
    presume()
  })
  const quiet: CheckContext = {
    ...context,
    enter() {},
    presume(failure) {
      presumed = failure && explain(failure)
      presume()
    },
  }
  const viaClient = note('client_success', client(quiet))
  const [freshly, borrowed] = await Promise.allSettled([viaFresh, viaClient])
  if (freshly.status === 'rejected') throw freshly.reason
  if (borrowed.status === 'rejected') throw explain(borrowed.reason)
}

function explain<Cause>(failure: Cause): Cause | CheckError {
  if (!(failure instanceof CheckError)) return failure
  const { reason, detail, message } = failure
  return new CheckError(reason, detail, `${message}; a fresh connection works`, { cause: failure })
}
