/** Nothing is wrong: several programs, started at different moments, watch healthy servers for a while. */
import { setTimeout as sleep } from 'node:timers/promises'
import { serveHttp } from '../support/http.ts'
import { serve } from '../support/net.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startRedis } from '../support/redis.ts'

export interface Calm {
  readonly starts: number
  readonly minutes: number
  readonly checks: number
  readonly failures: number
  /** What failed last, and how, one for each sort of failure. */
  readonly causes: readonly string[]
  readonly skipped: number
  /** Changes of a settled status: each is a false alarm. */
  readonly flips: number
}

/** Dependencies of each kind in each program. */
const each = 3

/** Watches with so many programs, side by side, for so long. */
export async function keepCalm(starts: number, minutes: number): Promise<Calm> {
  const [redis, postgres, http, tcp] = await Promise.all([
    startRedis(),
    startPostgres({ settings: { max_connections: 100 } }),
    serveHttp((_request, response) => response.end('{"status":"ok"}')),
    serve(() => {}),
  ])
  const urls = {
    redis: redis.url,
    postgres: postgres.url,
    http: http.url,
    tcp: `tcp://127.0.0.1:${tcp.port}`,
  }
  const dependencies = Object.fromEntries(
    Object.entries(urls).flatMap(([kind, url]) =>
      Array.from({ length: each }, (_, i) => [`${kind}-${i}`, url]),
    ),
  )
  const config = { defaults: { interval: '500ms', timeout: '300ms', failureThreshold: 2 }, dependencies }
  const programs: Program[] = []
  try {
    for (let i = 0; i < starts; i++) {
      programs.push(await startProgram({ config }))
      await sleep(1_000 * Math.random())
    }
    await sleep(60_000 * minutes)
    const reports = await Promise.all(programs.map(program => program.health()))
    const all = reports.flatMap(({ dependencies }) => Object.values(dependencies))
    const sum = (key: 'checks' | 'failures' | 'skipped' | 'transitions') =>
      all.reduce((total, one) => total + one[key], 0)
    return {
      starts,
      minutes,
      checks: sum('checks'),
      failures: sum('failures'),
      causes: [
        ...new Set(
          all.flatMap(({ kind, lastFailure }) => (lastFailure ? [`${kind} ${lastFailure.message}`] : [])),
        ),
      ],
      skipped: sum('skipped'),
      flips: sum('transitions'),
    }
  } finally {
    await Promise.all(programs.map(program => program.remove()))
    await Promise.all([redis.remove(), postgres.stop(), http.stop(), tcp.close()])
  }
}
