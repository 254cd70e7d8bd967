/**
 * One side of bench/scrape.ts, in a process of its own so that nobody pays for another's garbage: it serves its
 * metrics, changes them all when told to, and says for how long its event loop was busy in between.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { createExposition } from '../../src/exposition/exposition.ts'
import { write } from '../../src/server/http/deliveries.ts'
import { readOrder } from './child.ts'
import { feedExposition, feedPromClient, numbersOf } from './subjects.ts'

export interface ScrapedOrder {
  readonly whose: 'ours' | 'prom-client' | 'memcpy'
  /** How many subjects. */
  readonly count: number
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>

const { whose, count } = readOrder<ScrapedOrder>()
const exposition = createExposition()
const registry = new Registry()
const feed = whose === 'prom-client' ? feedPromClient(registry) : feedExposition(exposition)
let round = 0
changeAll()

const answers: Record<ScrapedOrder['whose'], Answer> = {
  ours: async ({ headers }, response) => {
    const encoding = String(headers['accept-encoding'] ?? '')
    const { body, contentLength, release } = await exposition.respond(headers.accept, encoding)
    response.once('close', () => release?.()).setHeader('content-length', contentLength)
    if (Buffer.isBuffer(body)) response.end(body)
    else write(response, body)
  },
  'prom-client': async (_, response) => void response.end(await registry.metrics()),
  memcpy: async (_, response) => void response.end(Buffer.from(ready)),
}
const ready = whose === 'memcpy' ? await plainText() : Buffer.alloc(0)

const server = createServer((request, response) => {
  if (request.url === '/empty') response.end()
  else void answers[whose](request, response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

let loop = performance.eventLoopUtilization()
let longestMs = 0
let watching = false
process.on('message', (order: 'change' | 'start' | 'watch' | 'stop') => {
  if (order === 'change') return process.send?.({ changeUs: changeAll() })
  if (order === 'stop') {
    watching = false
    return process.send?.({ busyMs: performance.eventLoopUtilization(loop).active, longestMs })
  }
  longestMs = 0
  watching = order === 'watch'
  if (watching) setImmediate(watch, performance.now())
  loop = performance.eventLoopUtilization()
  return process.send?.({})
})
process.send?.({ port: (server.address() as AddressInfo).port })

/** Returns how many microseconds one subject took. */
function changeAll(): number {
  round += 1
  const all = Array.from({ length: count }, (_, i) => numbersOf(i, round))
  const started = performance.now()
  for (const numbers of all) feed(numbers)
  return ((performance.now() - started) * 1e3) / all.length
}

async function plainText(): Promise<Buffer> {
  const { body } = await exposition.respond('text/plain', undefined)
  return Buffer.isBuffer(body) ? body : Buffer.concat([...body])
}

/** Turns with the event loop, and keeps the longest time between two turns. */
function watch(last: number): void {
  const now = performance.now()
  longestMs = Math.max(longestMs, now - last)
  if (watching) setImmediate(watch, now)
}
