/**
 * What a monitor costs the application that it is in: requests per second of the application's own route, under load from
 * autocannon, with a monitor of twenty dependencies and without one. The two take turns, so that whatever else the
 * machine does hits both. Requests per processor second of the application say the same with less noise, and the
 * processor time of the monitor while nobody asks for anything says it with the least.
 *
 *     node bench/embedded.ts [--rounds=15] [--roundMs=2000] [--idleMs=30000] [--dependencies=20] [--interval=15000]
 */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { parameters } from './support/parameters.ts'
import { line, playRounds, summarize } from './support/turns.ts'

const { rounds, roundMs, idleMs, dependencies, interval } = parameters({
  rounds: 15,
  roundMs: 2_000,
  idleMs: 30_000,
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

async function cpuSecondsIn<T>(server: ChildProcess, work: () => Promise<T>): Promise<readonly [number, T]> {
  await receive(server, {})
  const done = await work()
  const { cpuSeconds } = await receive<{ cpuSeconds: number }>(server, {})
  return [cpuSeconds, done]
}

async function load(server: ChildProcess): Promise<Record<'perSecond' | 'perCpuSecond', number>> {
  const url = `http://127.0.0.1:${ports.get(server)}/orders`
  const [cpuSeconds, { requests, duration }] = await cpuSecondsIn(server, () =>
    autocannon({ url, connections: 32, duration: roundMs / 1_000 }),
  )
  return { perSecond: requests.total / duration, perCpuSecond: requests.total / cpuSeconds }
}

const idle = async (server: ChildProcess) => (await cpuSecondsIn(server, () => sleep(idleMs)))[0]
const [withMonitor, without] = await Promise.all([idle(monitored), idle(bare)])
const share = (withMonitor - without) / (idleMs / 1_000)

const played = await playRounds(
  rounds,
  () => load(monitored),
  () => load(bare),
)
const show = (value: number) => `${(value / 1_000).toFixed(2)}k`
const rows: Record<string, Record<string, string>> = {}
for (const what of ['perSecond', 'perCpuSecond'] as const) {
  const turns = summarize(played.map(({ ours, theirs }) => ({ ours: ours[what], theirs: theirs[what] })))
  rows[what] = {
    ...line('without a monitor', turns, 'at least 0.99', show),
    ratio: turns.ratio.toFixed(4),
    'quartiles of the ratio': quartiles(played.map(({ ours, theirs }) => ours[what] / theirs[what])),
  }
}
hold({
  what: `processor time that a monitor of ${dependencies} dependencies takes of its application's core`,
  value: share * 100,
  unit: ' %',
  atMost: 1,
})
for (const child of [checked, monitored, bare]) child.kill()
console.log(`${dependencies} dependencies every ${interval} ms; median of ${rounds} rounds`)
console.table(rows)
console.log(`at rest, the monitor takes ${(share * 100).toFixed(3)} % of a core`)

function quartiles(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]?.toFixed(4)
  return `${at(0.25)} to ${at(0.75)}`
}
