/**
 * One side of bench/cycle.ts, in a process of its own: it records a result of every dependency when told to, serves what
 * came of it, and says for how long that kept its event loop, and all of its threads, busy.
 */
import { createServer } from 'node:http'
import { Registry } from 'prom-client'
import { createExposition } from '../../src/exposition/exposition.ts'
import { defaultBuckets } from '../../src/model/settings.ts'
import { write } from '../../src/server/http/deliveries.ts'
import { createStore } from '../../src/state/store.ts'
import { followState } from '../../src/views/metrics.ts'
import { dependency } from '../../test/support/dependency.ts'
import { listen } from '../../test/support/net.ts'
import { success } from '../../test/support/results.ts'
import { readOrder } from './child.ts'
import { nameOf } from './dependencies.ts'
import { mirror } from './mirror.ts'

export interface CycledOrder {
  readonly whose: 'ours' | 'prom-client'
  readonly count: number
}

/** One interval on one side. */
export interface Cycle {
  /** Milliseconds for which the event loop was busy. */
  readonly loopMs: number
  /** Milliseconds of processor time, all threads. */
  readonly cpuMs: number
}

const { whose, count } = readOrder<CycledOrder>()
const names = Array.from({ length: count }, (_, i) => nameOf(i))
const { record, respond } = whose === 'ours' ? ours() : await theirs()
let round = 0
recordAll()

const server = createServer(async ({ headers }, response) => {
  const answer = await respond(headers.accept, String(headers['accept-encoding'] ?? ''))
  if (typeof answer === 'string') return void response.end(answer)
  const { body, contentLength, release } = answer
  response.once('close', () => release?.()).setHeader('content-length', contentLength)
  if (Buffer.isBuffer(body)) response.end(body)
  else write(response, body)
})
let [loop, cpu] = [performance.eventLoopUtilization(), process.cpuUsage()]
process.on('message', (order: 'record' | 'done') => {
  if (order === 'record') {
    loop = performance.eventLoopUtilization()
    cpu = process.cpuUsage()
    recordAll()
    process.send?.({})
    return
  }
  const { user, system } = process.cpuUsage(cpu)
  const { active } = performance.eventLoopUtilization(loop)
  process.send?.({ loopMs: active, cpuMs: (user + system) / 1_000 } satisfies Cycle)
})
process.send?.({ port: await listen(server) })

function recordAll(): void {
  round += 1
  for (const name of names) record(name)
}

/** A real dependency: three phases, and a duration that falls into another bucket each time. */
function ours() {
  const clock = { now: () => performance.now(), wall: () => Date.now() }
  const store = createStore(clock)
  const exposition = createExposition()
  followState(exposition, store, { buckets: defaultBuckets, native: true })
  for (const name of names) store.put(dependency({ name, kind: 'http', target: `http://${name}/health` }))
  const record = (name: string) => {
    const durationMs = 0.5 * (1 + ((name.charCodeAt(name.length - 1) * 7_919 + round * 104_729) % 10_007))
    const phases = { connect: durationMs / 4, request: durationMs / 2, transfer: durationMs / 8 }
    store.record(name, success(clock, { durationMs, phases }))
  }
  return { record, respond: exposition.respond }
}

async function theirs() {
  const registry = new Registry()
  return { record: await mirror(registry), respond: async () => await registry.metrics() }
}
