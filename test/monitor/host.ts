/**
 * An application with a monitor, as a process of its own: it prints what is there before, with and after it, and must end by
 * itself. Its arguments: a port that answers, one that does not, and the folders of two copies of the sources.
 */
import { createHash } from 'node:crypto'
import { globalAgent } from 'node:http'
import { globalAgent as secureAgent } from 'node:https'
import { register } from 'prom-client'

const [open, closed, ...copies] = process.argv.slice(2)

const snapshot = () => ({
  listeners: process.eventNames().map(name => [String(name), process.listenerCount(name)]),
  env: createHash('sha256').update(JSON.stringify(process.env)).digest('hex'),
  exitCode: process.exitCode,
  agents: [globalAgent, secureAgent].map(agent => [agent.maxSockets, Object.keys(agent.sockets).length]),
  registry: register.getMetricsAsArray().length,
  // zod keeps a registry of its own there, which all of its copies share.
  globals: Object.getOwnPropertyNames(globalThis).filter(name => !name.startsWith('__zod_')),
})

const before = snapshot()
const monitors = []
for (const copy of copies) {
  const { CheckError, check, createMonitor, http, tcp }: typeof import('../../src/index.ts') = await import(
    `${copy}/index.ts`
  )
  const dependencies = {
    works: tcp({ host: '127.0.0.1', port: Number(open) }),
    refuses: http({ url: `http://127.0.0.1:${closed}/` }),
    named: check(async () => {
      throw new CheckError('unhealthy', 'full', 'full')
    }),
    silent: `http://127.0.0.1:${open}/`,
  }
  const monitor = createMonitor({ dependencies, defaults: { interval: '100ms', timeout: '100ms' } })
  monitor.start()
  monitors.push(monitor)
}
const [first] = monitors
while (monitors.some(({ state }) => state.snapshot().states.some(({ last }) => last === undefined)))
  await new Promise(resolve => setTimeout(resolve, 10))
const during = snapshot()
const seen = monitors.map(({ state }) =>
  state
    .snapshot()
    .states.map(({ dependency, status, lastFailure }) => [dependency.name, status, lastFailure?.detail]),
)
await first?.metrics()
await Promise.all(monitors.map(monitor => monitor.stop()))
// A socket that was closed is gone when the event loop has turned.
for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
const left = process.getActiveResourcesInfo().filter(name => !/Pipe|TTY|FSReq|CloseReq|Immediate/.test(name))
process.stdout.write(JSON.stringify({ before, during, after: snapshot(), seen, left }))
