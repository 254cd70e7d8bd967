/**
 * What a monitor costs the application that it is in: requests per second of the application's own route, under load from
 * autocannon, with a monitor of twenty dependencies and without one. The two take turns, so that whatever else the
 * machine does hits both; the processor time of the application for each request is shown beside it.
 *
 *     node bench/embedded.ts [--rounds=15] [--roundMs=2000] [--dependencies=20] [--interval=15000]
 */
import type { ChildProcess } from 'node:child_process'
import autocannon from 'autocannon'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { parameters } from './support/parameters.ts'
import { line, takeTurns } from './support/turns.ts'

const { rounds, roundMs, dependencies, interval } = parameters({
  rounds: 15,
  roundMs: 2_000,
  dependencies: 20,
  interval: 15_000,
})

const checked = startChild('embedding.ts', { dependencies: 0, interval })
const { port: target } = await receive<{ port: number }>(checked)
const monitored = startChild('embedding.ts', { dependencies, interval, target })
const bare = startChild('embedding.ts', { dependencies: 0, interval })
const ports = new Map([
  [monitored, (await receive<{ port: number }>(monitored)).port],
  [bare, (await receive<{ port: number }>(bare)).port],
])

async function load(server: ChildProcess): Promise<{ perSecond: number; perCpuSecond: number }> {
  await receive(server, {})
  const url = `http://127.0.0.1:${ports.get(server)}/orders`
  const { requests, duration } = await autocannon({ url, connections: 32, duration: roundMs / 1_000 })
  const { cpuSeconds } = await receive<{ cpuSeconds: number }>(server, {})
  return { perSecond: requests.total / duration, perCpuSecond: requests.total / cpuSeconds }
}

const show = (value: number) => `${(value / 1_000).toFixed(2)}k`
const rows: Record<string, Record<string, string>> = {}
for (const what of ['perSecond', 'perCpuSecond'] as const) {
  const turns = await takeTurns(
    rounds,
    async () => (await load(monitored))[what],
    async () => (await load(bare))[what],
  )
  if (what === 'perSecond')
    hold({
      what: `requests per second of an application with ${dependencies} dependencies`,
      value: turns.ratio,
      unit: ' × without a monitor',
      atLeast: 0.99,
    })
  rows[what] = line('without a monitor', turns, 'at least 0.99', show)
}
for (const child of [checked, monitored, bare]) child.kill()
console.log(`${dependencies} dependencies every ${interval} ms; median of ${rounds} rounds`)
console.table(rows)
