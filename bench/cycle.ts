/**
 * The whole cost of an interval: a result of every dependency is recorded, and then there is one scrape. Beside it
 * prom-client with as many series of the same sorts, recorded and rendered: on the same machine in the same run, each in a
 * process of its own, in turns.
 *
 *     node bench/cycle.ts [--dependencies=1000] [--rounds=15]
 *
 * The series are those of a real dependency, which has about 40 lines. "loop" is how long the event loop was busy; "CPU"
 * is the processor time of all threads, so that compression on other threads is not hidden.
 */
import type { ChildProcess } from 'node:child_process'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import type { Cycle, CycledOrder } from './support/cycled.ts'
import { parameters } from './support/parameters.ts'
import { accepts, gzip, type Headers, read } from './support/scraper.ts'
import { median } from './support/statistics.ts'

const { dependencies: count, rounds } = parameters({ dependencies: 1_000, rounds: 15 })
const warmUp = 5

interface Side {
  readonly name: string
  readonly whose: CycledOrder['whose']
  readonly headers: Headers
}

const sides: readonly Side[] = [
  { name: 'text', whose: 'ours', headers: { accept: accepts.text } },
  { name: 'OpenMetrics, gzip', whose: 'ours', headers: { accept: accepts.OpenMetrics, ...gzip } },
  { name: 'protobuf, gzip', whose: 'ours', headers: { accept: accepts.protobuf, ...gzip } },
  { name: 'prom-client, text', whose: 'prom-client', headers: { accept: accepts.text } },
]

async function start(side: Side) {
  const child = startChild('cycled.ts', { whose: side.whose, count } satisfies CycledOrder)
  const { port } = await receive<{ port: number }>(child)
  return { ...side, child, port, cycles: [] as Cycle[], bytes: 0 }
}

async function cycle({
  child,
  port,
  headers,
}: Pick<Side, 'headers'> & { child: ChildProcess; port: number }) {
  await receive(child, 'record')
  const bytes = await read(port, '/metrics', headers)
  return { bytes, cycle: await receive<Cycle>(child, 'done') }
}

const running = await Promise.all(sides.map(start))
for (let round = -warmUp; round < rounds; round++)
  for (const side of running) {
    const { bytes, cycle: taken } = await cycle(side)
    side.bytes = bytes
    if (round >= 0) side.cycles.push(taken)
  }
const loopOf = ({ cycles }: { cycles: readonly Cycle[] }) => median(cycles.map(({ loopMs }) => loopMs))
const cpuOf = ({ cycles }: { cycles: readonly Cycle[] }) => median(cycles.map(({ cpuMs }) => cpuMs))
const peer = running.at(-1)
const rows = running.map(side => {
  const isOurs = side !== peer
  return [
    side.name,
    {
      'loop (ms)': loopOf(side).toFixed(1),
      ratio: peer !== undefined && isOurs ? (loopOf(side) / loopOf(peer)).toFixed(2) : '',
      'CPU (ms)': cpuOf(side).toFixed(1),
      'CPU ratio': peer !== undefined && isOurs ? (cpuOf(side) / cpuOf(peer)).toFixed(2) : '',
      MB: (side.bytes / 1e6).toFixed(3),
      bar: isOurs ? 'at most 0.35' : '',
    },
  ]
})
if (peer !== undefined)
  for (const side of running.slice(0, -1)) {
    const what = `whole cycle of ${count}, ${side.name}: loop time`
    hold({ what, value: loopOf(side) / loopOf(peer), unit: ' × prom-client', atMost: 0.35 })
  }
for (const { child } of running) child.kill()
console.log(`all changes of an interval and one scrape, ${count} dependencies; medians of ${rounds}`)
console.table(Object.fromEntries(rows))
