/** PostgreSQL through the application's own `pg.Pool`, which the check neither opens nor closes. */
import { z } from 'zod'
import type { CheckContext, Checker } from '../../model/dependency.ts'
import { formatAddress } from '../../model/notation.ts'
import { SecretUrl } from '../../model/secret.ts'
import { type Check, checkBothWays, type PostgresPool, type PostgresPoolClient } from '../shared/borrowed.ts'
import { examine } from './examine.ts'
import { isServerError } from './failures.ts'
import { options } from './options.ts'
import { type Line, nameFailure, queueUp } from './queue.ts'
import type { Queries, Row } from './session.ts'

const { query, role, writable } = options.shape

export const poolOptions = z.strictObject({
  pool: z
    .custom<PostgresPool>(isPool, { error: 'expected a pg.Pool' })
    .describe("The application's pool. It is never closed."),
  fresh: options
    .optional()
    .describe(
      'Options of a fresh connection that is checked as well, so that the state says which half fails.',
    ),
  query,
  role,
  writable,
})

type PoolOptions = z.output<typeof poolOptions>

export const poolMeasurements = {
  pool_connections: 'Connections that the pool has open, if the check goes through a pool.',
  pool_idle_connections: 'Connections of the pool that nobody uses, if the check goes through a pool.',
  pool_waiting_requests: 'Requests that wait for a connection of the pool, if the check goes through a pool.',
  pool_acquire_seconds: 'Time that the last check waited for a connection of the pool.',
} as const

/** Returns host and database from the pool's own options, which may be hidden or come from the environment. */
export function poolTarget(
  { pool, fresh }: PoolOptions,
  freshTarget: (fresh: NonNullable<PoolOptions['fresh']>) => string,
): string {
  if (fresh !== undefined) return freshTarget(fresh)
  const { options: given } = pool as { options?: Readonly<Record<string, unknown>> }
  const { host, port = 5432, database, connectionString } = given ?? {}
  if (typeof connectionString === 'string' && URL.canParse(connectionString)) {
    const url = new SecretUrl(connectionString).url()
    return `${formatAddress(url.hostname, Number(url.port || 5432))}${url.pathname}`
  }
  if (typeof host !== 'string') return "the application's pool"
  return `${formatAddress(host, Number(port))}${typeof database === 'string' ? `/${database}` : ''}`
}

/** @param fresh checks over a fresh connection, if that is wanted. */
export function openPool({ pool, ...demand }: PoolOptions, fresh: Check | undefined): Checker {
  const line = queueUp(pool)
  let isListening = false
  const viaPool: Check = context => check(pool, line, { ...demand, pooler: false }, context)
  return {
    async check(context) {
      // If a connection breaks after it was returned, the pool emits an error, for which the application may have no listener.
      if (!isListening) pool.on('error', ignore)
      isListening = true
      if (fresh === undefined) await viaPool(context)
      else await checkBothWays(fresh, viaPool, context)
    },
    async close() {
      line.leave()
      if (isListening) pool.off('error', ignore)
    },
  }
}

async function check(
  pool: PostgresPool,
  line: Line,
  demand: Parameters<typeof examine>[1],
  context: CheckContext,
): Promise<void> {
  const { signal, measure } = context
  measure('pool_connections', pool.totalCount)
  measure('pool_idle_connections', pool.idleCount)
  measure('pool_waiting_requests', pool.waitingCount)
  context.enter('connect')
  const startedAt = performance.now()
  const client = await line.acquire(context)
  measure('pool_acquire_seconds', (performance.now() - startedAt) / 1_000)
  client.on('error', ignore)
  let isReleased = false
  /** As its owner would: closes a connection that is broken or may still be busy, and returns any other to the pool. */
  const release = (isSpent: boolean) => {
    if (!isReleased) client.release(isSpent)
    isReleased = true
  }
  const drop = () => release(true)
  signal.addEventListener('abort', drop, { once: true })
  try {
    if (signal.aborted) throw signal.reason
    context.enter('request')
    await examine(queriesOf(client), demand, context)
    release(false)
  } catch (error) {
    release(!isServerError(error))
    throw nameFailure(error)
  } finally {
    signal.removeEventListener('abort', drop)
    client.off('error', ignore)
  }
}

function ignore(): void {}

/** Uses only the driver's basic interface, which every copy and wrapper of it has. */
function queriesOf(client: PostgresPoolClient): Queries {
  return {
    async ask(text, onRow) {
      const asRead = { text, rowMode: 'array', types: { getTypeParser: () => (value: string) => value } }
      const results: unknown = await client.query(asRead as never)
      for (const result of [results].flat())
        for (const row of (result as { readonly rows: readonly Row[] }).rows) onRow(row)
    },
  }
}

function isPool(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return ['connect', 'on', 'off', 'totalCount', 'idleCount', 'waitingCount'].every(key => key in value)
}
