/**
 * prom-client in the same place, in a process of its own: the series that Pulsecheck shows of as many dependencies, all of
 * a dependency's recorded once an interval, and a bare `node:http` server that renders them and answers probes.
 */
import { createServer } from 'node:http'
import { Registry } from 'prom-client'
import { listen } from '../../test/support/net.ts'
import { readOrder } from './child.ts'
import { type Dependencies, nameOf } from './dependencies.ts'
import { mirror } from './mirror.ts'
import type { Listening } from './monitored.ts'
import { answerWindows } from './window.ts'

/** Records what is due so often. */
const tickMs = 10

const { dependencies, intervalMs } = readOrder<Dependencies>()
const registry = new Registry()
const record = await mirror(registry)
for (let i = 0; i < dependencies; i++) record(nameOf(i))

let recorded = 0
const started = performance.now()
if (dependencies > 0)
  setInterval(() => {
    const due = ((performance.now() - started) / intervalMs) * dependencies
    for (; recorded < due; recorded++) record(nameOf(recorded % dependencies))
  }, tickMs)

const names = Array.from({ length: dependencies }, (_, i) => nameOf(i))
const ready = Buffer.from(
  JSON.stringify({ status: 'ok', checks: Object.fromEntries(names.map(name => [name, true])) }),
)
const alive = Buffer.from('{"status":"ok"}')
const server = createServer(async (request, response) => {
  if (request.url === '/metrics') response.end(await registry.metrics())
  else response.end(request.url === '/readyz' ? ready : alive)
})
const port = await listen(server)
answerWindows([], () => ({ recorded }))
process.send?.({ port } satisfies Listening)
