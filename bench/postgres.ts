/**
 * CPU of one Postgres check, against the bare driver that does the same: a fresh login and `SELECT 1`. Run it with
 * `node bench/postgres.ts`. The bar is 1.15.
 */
import { Client } from 'pg'
import { kinds } from '../src/kinds/index.ts'
import { createResolve } from '../src/kinds/shared/resolve.ts'
import { checkerPassword, startPostgres } from '../test/support/postgres.ts'

const rounds = 9
const perRound = 150

const kind = kinds.find(({ kind }) => kind === 'postgres')
if (kind === undefined) throw new Error('no kind postgres')
const untraced = { enter() {}, measure() {}, traceparent: () => '' }

for (const method of ['trust', 'scram-sha-256']) {
  const server = await startPostgres({ hba: [`host all all all ${method}`] })
  const login = { host: '127.0.0.1', user: 'checker', password: checkerPassword, database: 'orders' }
  const options = { ...login, port: server.port }
  const checker = kind.open(kind.options.parse(options), { timeoutMs: 3_000, resolve: createResolve() })
  const ours = async () => {
    const controller = new AbortController()
    await checker.check(controller.signal, untraced)
    controller.abort()
  }
  const bare = async () => {
    const client = new Client({ ...options, ssl: false })
    client.on('error', () => {})
    await client.connect()
    await client.query('SELECT 1')
    await client.end()
  }
  await cpuMs(ours)
  await cpuMs(bare)
  const [a, b]: [number[], number[]] = [[], []]
  for (let i = 0; i < rounds; i++) {
    a.push(await cpuMs(ours))
    b.push(await cpuMs(bare))
  }
  const ratio = (median(a) / median(b)).toFixed(2)
  console.log(
    `${method}: ${median(a).toFixed(0)} ms per 1,000 checks, pg ${median(b).toFixed(0)} ms: ${ratio}`,
  )
  await server.stop()
}

/** Milliseconds of CPU per thousand runs. */
async function cpuMs(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < perRound; i++) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / perRound
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
