/**
 * Requests per CPU-second of the probe endpoints, beside bare `node:http` that sends the same bytes: what routing,
 * negotiation, limits and hygiene cost. The two take turns, so that whatever else the machine does hits both.
 *
 *     node bench/probes.ts
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

const rounds = 25
const roundMs = 500
const connections = 32
const file = (name: string) => new URL(`./support/${name}`, import.meta.url)

async function told<T>(child: ChildProcess, order?: object): Promise<T> {
  const answer = once(child, 'message')
  if (order !== undefined) child.send(order)
  return (await answer)[0] as T
}

const load = fork(file('probe-load.ts'))
const ours = fork(file('probe-server.ts'))
const oursPort = (await told<{ port: number }>(ours)).port
const bare = fork(file('probe-server.ts'), [`http://127.0.0.1:${oursPort}`])
const barePort = (await told<{ port: number }>(bare)).port

async function perCpuSecond(server: ChildProcess, port: number, path: string): Promise<number> {
  await told(server, {})
  const answers = await told<number>(load, { port, path, connections, ms: roundMs })
  const { cpuSeconds } = await told<{ cpuSeconds: number }>(server, {})
  return answers / cpuSeconds
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

console.log('requests per CPU-second of the server, median of', rounds, 'rounds')
for (const path of ['/healthz', '/readyz']) {
  const [mine, theirs]: [number[], number[]] = [[], []]
  await perCpuSecond(ours, oursPort, path)
  await perCpuSecond(bare, barePort, path)
  for (let round = 0; round < rounds; round++) {
    theirs.push(await perCpuSecond(bare, barePort, path))
    mine.push(await perCpuSecond(ours, oursPort, path))
  }
  const ratio = median(mine.map((value, i) => value / (theirs[i] ?? 0)))
  const [a, b] = [median(theirs), median(mine)].map(value => `${(value / 1_000).toFixed(1)}k`)
  console.log(
    `${path.padEnd(10)} node:http ${a}   pulsecheck ${b}   ratio ${ratio.toFixed(3)}   (bar: at least 0.95)`,
  )
}
for (const child of [load, ours, bare]) child.kill()
