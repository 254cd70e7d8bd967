/**
 * A Fastify server with PostgreSQL and Redis.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/fastify.ts
 */
import fastify from 'fastify'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { createMonitor, postgres, redis, shutdownOnSignal } from 'pulsecheck'

const databaseUrl = process.env.DATABASE_URL ?? 'postgres://app@127.0.0.1/orders'
const pool = new Pool({ connectionString: databaseUrl })
const cache = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1')
const app = fastify({ logger: { level: 'warn' } })
pool.on('error', error => app.log.warn(error.message))
cache.on('error', error => app.log.warn(error.message))

const monitor = createMonitor({
  logger: app.log,
  defaults: { interval: '5s', timeout: '1s' },
  dependencies: {
    // Through the pool, and over a fresh connection beside it: the state says which half fails.
    'orders-db': postgres({ pool, fresh: { url: databaseUrl } }),
    cache: redis({ client: cache, critical: false }),
  },
})

app.register(monitor.routes(), { prefix: '/internal' })
app.get('/', async (_request, reply) => {
  if (!monitor.ready()) return reply.code(503).send({ error: 'try again' })
  const { rows } = await pool.query('SELECT now() AS now')
  return rows[0]
})
app.addHook('onClose', async () => {
  await pool.end()
  cache.disconnect()
})

monitor.start()
await app.listen({ port: Number(process.env.PORT ?? 3000) })
shutdownOnSignal(monitor, { delay: process.env.SHUTDOWN_DELAY ?? '5s', close: () => app.close() })
