/** What an application may write, compiled against the package as it is published. */
import { createServer } from 'node:http'
import fastify from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { Pool } from 'pg'
import { Registry } from 'prom-client'
import {
  type ChangeEvent,
  CheckError,
  check,
  createMonitor,
  type Dependencies,
  defineKind,
  type Handler,
  http,
  type Monitor,
  postgres,
  redis,
  shutdownOnSignal,
  tcp,
} from 'pulsecheck'
import { z } from 'zod'

/** A kind of its own, with whatever zod the application has. */
const queue = defineKind({
  name: 'queue',
  options: z.object({ url: z.string(), maxDepth: z.number().default(100) }).strict(),
  measurements: { depth: 'Jobs that wait.' },
  failures: { queue_full: ['unhealthy', 'The queue is full.', 'Drain it.'] },
  target: ({ url }) => url,
  open: ({ maxDepth }) => ({
    async check({ signal, measure }) {
      signal.throwIfAborted()
      measure('depth', 1)
      if (maxDepth < 1) throw new CheckError('unhealthy', 'queue_full', 'full')
    },
  }),
})

const pool = new Pool()
const client = new Redis({ lazyConnect: true })
const cluster = new Cluster([{ host: 'c1', port: 6379 }], { lazyConnect: true })
const dependencies = {
  'orders-db': postgres({ url: 'postgres://app@127.0.0.1/orders', interval: '5s', role: 'primary' }),
  pool: postgres({ pool, fresh: { url: 'postgres://app@127.0.0.1/orders' } }),
  cache: redis({ client, critical: false }),
  cluster: redis({ client: cluster }),
  payments: http({ url: 'https://payments/health', expect: { status: [200] } }),
  jobs: queue({ url: 'queue://jobs', maxDepth: 5, labels: { team: 'orders' } }),
  own: check(async ({ measure }) => measure('age', 1), { measurements: { age: 'Age.' }, timeout: '1s' }),
  mail: 'tcp://mail:25',
} satisfies Dependencies

// @ts-expect-error an option that is misspelt
postgres({ ulr: 'postgres://' })
// @ts-expect-error a number in place of a duration
tcp({ url: 'tcp://a:1', interval: 5 })
// @ts-expect-error an option of the kind that is missing
queue({ maxDepth: 5 })
// @ts-expect-error a measurement that is not declared
check(async ({ measure }) => measure('age', 1))

const monitor: Monitor = createMonitor({ dependencies, logger: console, defaults: { interval: '10s' } })
const stop = monitor.on('change', ({ name, from, to }: ChangeEvent) => console.log(name, from, to))
stop()

const app = fastify()
app.register(monitor.routes({ access: { allow: ['10.0.0.0/8'] } }), { prefix: '/internal' })
app.register(monitor.routes({ only: ['metrics'] }))
const handler: Handler = monitor.handler({ prefix: '/internal' })
createServer(handler)
const answer = monitor.fetch()
const registry = new Registry()
monitor.include(registry)
const remove: () => void = monitor.exportTo(new Registry())

export async function run(): Promise<void> {
  monitor.start()
  await monitor.waitUntilReady({ timeout: '30s' })
  const { headers, body } = await monitor.metrics({ accept: 'text/plain' })
  console.log(headers['content-type'], body.length, monitor.status().status, remove)
  const response: Response = await answer(new Request('http://127.0.0.1/metrics'))
  console.log(response.status)
  shutdownOnSignal(monitor, { delay: '5s', close: () => app.close() })
  await monitor.stop()
}
