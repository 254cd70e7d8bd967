/**
 * The shape of a NestJS application, without its decorators: the monitor is a provider with Nest's lifecycle hooks, and its
 * endpoints are middleware. In Nest, `consumer.apply(monitor.endpoints).forRoutes('internal')` takes the place of `use`.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/nest.ts
 */
import express from 'express'
import { createMonitor, type Monitor, postgres, redis, shutdownOnSignal } from 'pulsecheck'

/** An injectable provider: `OnApplicationBootstrap` and `OnApplicationShutdown` of @nestjs/common. */
class MonitorService {
  readonly monitor: Monitor
  readonly endpoints: ReturnType<Monitor['handler']>

  constructor(urls: { readonly database: string; readonly cache: string }) {
    this.monitor = createMonitor({
      defaults: { interval: '5s', timeout: '1s' },
      dependencies: {
        'orders-db': postgres({ url: urls.database }),
        cache: redis({ url: urls.cache, critical: false }),
      },
    })
    this.endpoints = this.monitor.handler()
  }

  onApplicationBootstrap(): void {
    this.monitor.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.monitor.stop()
  }
}

const service = new MonitorService({
  database: process.env.DATABASE_URL ?? 'postgres://app@127.0.0.1/orders',
  cache: process.env.REDIS_URL ?? 'redis://127.0.0.1',
})
const app = express()
app.use('/internal', service.endpoints)
app.get('/', (_request, response) => void response.json({ ready: service.monitor.ready() }))

service.onApplicationBootstrap()
const server = app.listen(Number(process.env.PORT ?? 3000))
shutdownOnSignal(service.monitor, {
  delay: process.env.SHUTDOWN_DELAY ?? '5s',
  close: async () => {
    server.closeAllConnections()
    server.close()
    await service.onApplicationShutdown()
  },
})
