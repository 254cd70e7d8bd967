/** An application with a route of its own and, if told so, a monitor; or the server that its monitor checks. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMonitor } from '../../src/monitor.ts'
import { readOrder } from './child.ts'

interface Order {
  /** Of the monitor; 0 for none. */
  readonly dependencies: number
  /** Milliseconds between two checks. */
  readonly interval: number
  /** The port of the server that is checked; undefined for this server itself. */
  readonly target?: number
}

const { dependencies, interval, target } = readOrder<Order>()
// Enough work for each request that the application, and not the load, is what takes all of a core.
const orders = Array.from({ length: 400 }, (_, id) => ({ id, name: `order ${id}`, price: id * 1.5 }))

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ orders }))
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))

if (dependencies > 0) {
  const names = Array.from({ length: dependencies }, (_, i) => `dependency-${i}`)
  const monitor = createMonitor({
    defaults: { interval: `${interval}ms`, timeout: `${Math.min(interval, 1_000)}ms` },
    // Half of each: a connection, and a whole request.
    dependencies: Object.fromEntries(
      names.map((name, i) => [name, `${i % 2 === 0 ? 'tcp' : 'http'}://127.0.0.1:${target}`]),
    ),
  })
  monitor.start()
  await monitor.waitUntilReady()
}

let since = process.cpuUsage()
process.on('message', () => {
  const { user, system } = process.cpuUsage(since)
  since = process.cpuUsage()
  process.send?.({ cpuSeconds: (user + system) / 1e6 })
})
process.send?.({ port: (server.address() as AddressInfo).port })
