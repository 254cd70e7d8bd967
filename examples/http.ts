/**
 * A bare node:http server with PostgreSQL and Redis.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/http.ts
 */
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { check, createMonitor, postgres, redis, shutdownOnSignal } from 'pulsecheck'

const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const cache = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1')
pool.on('error', error => console.error(error.message))
cache.on('error', error => console.error(error.message))

const monitor = createMonitor({
  defaults: { interval: '5s', timeout: '1s' },
  dependencies: {
    'orders-db': postgres({ pool }),
    cache: redis({ client: cache, critical: false }),
    jobs: check(async ({ measure }) => measure('waiting', await cache.llen('jobs')), {
      critical: false,
      measurements: { waiting: 'Jobs that wait.' },
    }),
  },
})
monitor.on('change', ({ name, from, to }) => console.log(`${name}: ${from} → ${to}`))

// /internal/metrics, /internal/readyz, /internal/healthz and the others.
const endpoints = monitor.handler({ prefix: '/internal' })
const server = createServer((request, response) => {
  endpoints(request, response, async () => {
    try {
      const { rows } = await pool.query('SELECT now() AS now')
      response.setHeader('content-type', 'application/json').end(JSON.stringify(rows[0]))
    } catch {
      response.writeHead(503).end()
    }
  })
})

monitor.start()
server.listen(Number(process.env.PORT ?? 3000))

// Not ready at once; then what load balancers need to notice; then closed.
shutdownOnSignal(monitor, {
  delay: process.env.SHUTDOWN_DELAY ?? '5s',
  close: async () => {
    server.closeAllConnections()
    server.close()
    await pool.end()
    cache.disconnect()
  },
})
