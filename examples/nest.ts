/**
 * A NestJS application with PostgreSQL and Redis: the monitor is a provider that starts and stops with the application.
 *
 *     DATABASE_URL=postgres://... REDIS_URL=redis://... node examples/nest.ts
 *
 * Node.js runs TypeScript without a compiler, and so without decorators. They are applied by hand here; a comment shows how
 * each is written in a project that is compiled.
 */
import 'reflect-metadata'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { createMonitor, type Monitor, postgres, redis } from 'pulsecheck'

const shutdownDelayMs = Number(process.env.SHUTDOWN_DELAY_MS ?? 5_000)

class MonitorService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly monitor: Monitor

  constructor(pool: Pool, cache: Redis) {
    this.monitor = createMonitor({
      defaults: { interval: '5s', timeout: '1s' },
      dependencies: { 'orders-db': postgres({ pool }), cache: redis({ client: cache, critical: false }) },
    })
  }

  onApplicationBootstrap(): void {
    this.monitor.start()
  }

  /** Not ready at once; then what load balancers need to notice. The server still answers. */
  async beforeApplicationShutdown(): Promise<void> {
    this.monitor.drain()
    await sleep(shutdownDelayMs)
  }

  async onApplicationShutdown(): Promise<void> {
    await this.monitor.stop()
  }
}
// @Injectable() class MonitorService { constructor(@Inject(Pool) pool: Pool, @Inject(Redis) cache: Redis) {} }
Injectable()(MonitorService)
Inject(Pool)(MonitorService, undefined, 0)
Inject(Redis)(MonitorService, undefined, 1)

class OrdersController {
  readonly pool: Pool

  constructor(pool: Pool) {
    this.pool = pool
  }

  async now(): Promise<unknown> {
    const { rows } = await this.pool.query('SELECT now() AS now')
    return rows[0]
  }
}
// @Controller() class OrdersController { constructor(@Inject(Pool) pool: Pool) {} @Get() now() {} }
Controller()(OrdersController)
Inject(Pool)(OrdersController, undefined, 0)
Get()(OrdersController.prototype, 'now', Object.getOwnPropertyDescriptors(OrdersController.prototype).now)

class AppModule implements OnApplicationShutdown {
  readonly pool: Pool
  readonly cache: Redis

  constructor(pool: Pool, cache: Redis) {
    this.pool = pool
    this.cache = cache
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
    this.cache.disconnect()
  }
}
const log = (error: Error) => console.error(error.message)
// @Module({ ... }) class AppModule { constructor(@Inject(Pool) pool: Pool, @Inject(Redis) cache: Redis) {} }
Inject(Pool)(AppModule, undefined, 0)
Inject(Redis)(AppModule, undefined, 1)
Module({
  controllers: [OrdersController],
  providers: [
    MonitorService,
    {
      provide: Pool,
      useFactory: () => new Pool({ connectionString: process.env.DATABASE_URL }).on('error', log),
    },
    {
      provide: Redis,
      useFactory: () => new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1').on('error', log),
    },
  ],
})(AppModule)

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
// Before Nest's own routes, so that no global prefix, guard or pipe applies to the endpoints. On @nestjs/platform-fastify:
// app.register(monitor.routes(), { prefix: '/internal' })
app.use('/internal', app.get(MonitorService).monitor.handler())
app.enableShutdownHooks([], { useProcessExit: true })
await app.listen(Number(process.env.PORT ?? 3000))
