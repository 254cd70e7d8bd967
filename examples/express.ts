/**
 * An Express application with PostgreSQL and Redis, and one /metrics for both: prom-client's registry and the monitor.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/express.ts
 */
import express from 'express'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { Counter, Registry } from 'prom-client'
import { createMonitor, postgres, redis, shutdownOnSignal } from 'pulsecheck'

const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const cache = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1')
pool.on('error', error => console.error(error.message))
cache.on('error', error => console.error(error.message))
const registry = new Registry()
const requests = new Counter({ name: 'http_requests_total', help: 'Requests.', registers: [registry] })

const monitor = createMonitor({
  defaults: { interval: '5s', timeout: '1s' },
  dependencies: { 'orders-db': postgres({ pool }), cache: redis({ client: cache, critical: false }) },
})
monitor.include(registry)

const app = express()
app.use('/internal', monitor.handler())
app.get('/', async (_request, response) => {
  requests.inc()
  const { rows } = await pool.query('SELECT now() AS now')
  response.json(rows[0])
})

monitor.start()
const server = app.listen(Number(process.env.PORT ?? 3000))
shutdownOnSignal(monitor, {
  delay: process.env.SHUTDOWN_DELAY ?? '5s',
  close: async () => {
    server.closeAllConnections()
    server.close()
    await pool.end()
    cache.disconnect()
  },
})
