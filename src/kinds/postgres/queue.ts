/** The check's place in the queue of the application's pool, and how a pool fails to give a connection. */
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import type { PostgresPool, PostgresPoolClient } from '../shared/borrowed.ts'
import { isServerError, nameServerError } from './failures.ts'

/** The check's place in the pool's queue. It takes at most one, however long the pool is exhausted. */
export interface Line {
  /** @throws CheckError if the pool has none to give. */
  acquire(context: CheckContext): Promise<PostgresPoolClient>
  /** Returns a connection that arrives later to the pool. */
  leave(): void
}

type Taker = PromiseWithResolvers<PostgresPoolClient>

export function queueUp(pool: PostgresPool): Line {
  let isWaiting = false
  let isQueued = false
  let taker: Taker | undefined

  /** Hands the connection to the check that is waiting when it arrives, or else returns it at once. */
  async function request(): Promise<void> {
    isWaiting = true
    try {
      const asked = pool.connect()
      isQueued = pool.waitingCount > 0 && pool.idleCount === 0
      const client = await asked
      if (taker === undefined) client.release()
      else taker.resolve(client)
    } catch (error) {
      // A pool that gives up on its queue names no code. With one, a connection has failed when our turn had come.
      const isTurnedAway = isQueued && !(error instanceof Error && 'code' in error)
      taker?.reject(isTurnedAway ? exhausted(pool) : nameConnectFailure(pool, error))
    } finally {
      isWaiting = false
      taker = undefined
    }
  }

  return {
    async acquire({ signal, presume }) {
      const own: Taker = Promise.withResolvers()
      taker = own
      if (!isWaiting) void request()
      // Waiting in the queue of a pool is not waiting for the database.
      if (isQueued) presume(exhausted(pool))
      const abort = () => {
        if (taker === own) taker = undefined
        own.reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      try {
        const client = await own.promise
        presume(undefined)
        return client
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    leave() {
      taker = undefined
    },
  }
}

function exhausted({ totalCount, waitingCount }: PostgresPool): CheckError {
  const message = `all ${totalCount} connections of the pool are in use, and ${waitingCount} requests wait for one`
  return new CheckError('unhealthy', 'pool_exhausted', message)
}

function nameConnectFailure(pool: PostgresPool, error: unknown): unknown {
  if ((pool as { readonly ending?: unknown }).ending === true)
    return new CheckError('unhealthy', 'pool_ended', 'the application has ended its pool')
  return nameFailure(error)
}

/** The driver's own errors about a connection have no code. */
export function nameFailure(error: unknown): unknown {
  if (isServerError(error)) return nameServerError(error)
  if (!(error instanceof Error) || error instanceof CheckError || 'code' in error) return error
  return new CheckError('connection_error', 'closed_early', error.message, { cause: error })
}
