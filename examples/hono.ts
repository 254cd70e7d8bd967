/**
 * A Hono application with PostgreSQL and Redis. Other servers of web-standard requests, such as those of Bun and Deno, take
 * `monitor.fetch` in the same way.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/hono.ts
 */
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { createMonitor, postgres, redis, shutdownOnSignal } from 'pulsecheck'

const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const cache = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1')
pool.on('error', error => console.error(error.message))
cache.on('error', error => console.error(error.message))

const monitor = createMonitor({
  defaults: { interval: '5s', timeout: '1s' },
  dependencies: { 'orders-db': postgres({ pool }), cache: redis({ client: cache, critical: false }) },
})
const answer = monitor.fetch({ prefix: '/internal' })

const app = new Hono()
// A web-standard request does not carry the client's address, by which access to the details is decided.
app.all('/internal/*', context => answer(context.req.raw, { address: getConnInfo(context).remote.address }))
app.get('/', async context => {
  const { rows } = await pool.query('SELECT now() AS now')
  return context.json(rows[0])
})

monitor.start()
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
shutdownOnSignal(monitor, {
  delay: process.env.SHUTDOWN_DELAY ?? '5s',
  close: async () => {
    server.close()
    await pool.end()
    cache.disconnect()
  },
})
