/** The server under load, in a process of its own: ours, or bare `node:http` with the same bytes and headers. */
import { createServer as createBare } from 'node:http'
import type { AddressInfo } from 'node:net'
import { silent } from '../../src/model/logger.ts'
import { createServer } from '../../src/server/server.ts'
import { createStore } from '../../src/state/store.ts'
import { createBoard } from '../../src/views/board.ts'
import { createProbes } from '../../src/views/probes.ts'
import { statusParts } from '../../src/views/status.ts'
import { dependency } from '../../test/support/dependency.ts'
import { readOrder } from './child.ts'

const dependencies = 20

async function serveOurs(): Promise<number> {
  const clock = { now: () => performance.now(), wall: () => Date.now() }
  const store = createStore(clock)
  for (let i = 0; i < dependencies; i++) {
    const name = `dependency-${i}`
    const passed = { ok: true, durationMs: 1, phases: {}, measurements: {} } as const
    store.put(dependency({ name, staleAfterMs: 3_600_000 }))
    store.record(name, { ...passed, at: clock.wall(), monotonicAt: clock.now() })
  }
  const probes = createProbes(store, () => 0)
  const monitor = {
    probes,
    board: createBoard({ state: store, probes }),
    statusParts: () => statusParts(store.snapshot(), probes.readiness()),
    logger: silent,
    scrape: () => Promise.reject(new Error('not measured here')),
  }
  const server = createServer(monitor, { listen: [{ host: '127.0.0.1', port: 0 }] })
  const [address] = await server.start()
  return address?.port ?? 0
}

/** Answers with what another server answered: status 200, the same header lines, the same body. */
async function serveBare(model: string): Promise<number> {
  const bodies = new Map<string, { headers: string[]; body: string }>()
  for (const path of ['/healthz', '/readyz']) {
    const answer = await fetch(`${model}${path}`)
    const own = new Set(['connection', 'keep-alive', 'date'])
    const headers = [...answer.headers].filter(([name]) => !own.has(name)).flat()
    bodies.set(path, { headers, body: await answer.text() })
  }
  const server = createBare((request, response) => {
    const found = bodies.get(request.url ?? '')
    response.writeHead(200, found?.headers).end(found?.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const { model } = readOrder<{ model?: string }>()
const port = await (model === undefined ? serveOurs() : serveBare(model))
let since = process.cpuUsage()
process.on('message', () => {
  const { user, system } = process.cpuUsage(since)
  since = process.cpuUsage()
  process.send?.({ cpuSeconds: (user + system) / 1e6 })
})
process.send?.({ port })
