/**
 * Requests per CPU-second of the probe endpoints, beside bare `node:http` that sends the same bytes: what routing,
 * negotiation, limits and hygiene cost. The two take turns, so that whatever else the machine does hits both.
 *
 *     node bench/probes.ts [--rounds=25] [--roundMs=500]
 */
import type { ChildProcess } from 'node:child_process'
import { hold } from './support/bars.ts'
import { receive, startChild } from './support/child.ts'
import { parameters } from './support/parameters.ts'
import { line, takeTurns } from './support/turns.ts'

const { rounds, roundMs } = parameters({ rounds: 25, roundMs: 500 })
const connections = 32

const load = startChild('probe-load.ts')
const ours = startChild('probe-server.ts')
const oursPort = (await receive<{ port: number }>(ours)).port
const bare = startChild('probe-server.ts', { model: `http://127.0.0.1:${oursPort}` })
const barePort = (await receive<{ port: number }>(bare)).port

async function perCpuSecond(server: ChildProcess, port: number, path: string): Promise<number> {
  await receive(server, {})
  const answers = await receive<number>(load, { port, path, connections, ms: roundMs })
  const { cpuSeconds } = await receive<{ cpuSeconds: number }>(server, {})
  return answers / cpuSeconds
}

const rows: Record<string, Record<string, string>> = {}
for (const path of ['/healthz', '/readyz']) {
  const turns = await takeTurns(
    rounds,
    () => perCpuSecond(ours, oursPort, path),
    () => perCpuSecond(bare, barePort, path),
  )
  hold({
    what: `${path}: requests per CPU-second`,
    value: turns.ratio,
    unit: ' × bare node:http',
    atLeast: 0.95,
  })
  rows[path] = line('node:http', turns, 'at least 0.95', value => `${(value / 1_000).toFixed(1)}k`)
}
for (const child of [load, ours, bare]) child.kill()
console.log(`requests per CPU-second of the server, median of ${rounds} rounds`)
console.table(rows)
