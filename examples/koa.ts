/**
 * A Koa application with PostgreSQL and Redis.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/koa.ts
 */
import { Redis } from 'ioredis'
import Koa from 'koa'
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
const endpoints = monitor.handler({ prefix: '/internal' })

const app = new Koa()
// The monitor answers on Node's own response, so Koa must not.
app.use(
  (context, next) =>
    new Promise<void>((resolve, reject) => {
      context.respond = false
      context.res.once('close', resolve)
      endpoints(context.req, context.res, () => {
        context.respond = true
        next().then(resolve, reject)
      })
    }),
)
app.use(async context => {
  const { rows } = await pool.query('SELECT now() AS now')
  context.body = rows[0]
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
