/** The dependencies of the demo: a PostgreSQL, a Redis and an HTTP service. */
import { randomBytes } from 'node:crypto'
import { formatDuration } from '../duration.ts'
import type { Service } from '../service.ts'
import type { Actor, Presence } from './demo-actors.ts'
import { startPostgres } from './demo-postgres.ts'
import { startRedis } from './demo-redis.ts'
import { startHttp } from './demo-service.ts'
import { freePort, type Stage } from './demo-stage.ts'

/** All of them, present or not, in the order of their troubles. Never rejects, so that nothing is still starting when the end comes. */
export async function gather(stage: Stage, slowMs: number): Promise<readonly Actor[]> {
  const [postgres, redis, http] = await Promise.all([freePort(), freePort(), freePort()])
  const login = { user: 'orders', password: randomBytes(12).toString('hex'), database: 'orders' }
  const { user, password, database } = login
  return await Promise.all([
    appear('cache', startRedis(stage, redis), {
      kind: 'redis',
      url: `redis://127.0.0.1:${redis}`,
      critical: false,
    }),
    appear('payments', startHttp(stage, http, slowMs), {
      kind: 'http',
      url: `http://127.0.0.1:${http}/health`,
      expect: { json: { status: 'ok' } },
    }),
    appear('orders-db', startPostgres(stage, { ...login, port: postgres }), {
      kind: 'postgres',
      url: `postgres://${user}:${password}@127.0.0.1:${postgres}/${database}`,
    }),
  ])
}

async function appear(name: string, start: Promise<Presence>, config: Actor['config']): Promise<Actor> {
  const failed = (error: Error): Presence => ({ what: 'did not start', remedy: error.message })
  return { name, config, ...(await start.catch(failed)) }
}

/** The config of them, with the remedies as labels. */
export function configOf(actors: readonly Actor[], intervalMs: number): object {
  const [interval, timeout, confirmInterval] = [1, 2, 4].map(part => formatDuration(intervalMs / part))
  const entries = actors.map(({ name, config, remedy }) => [name, { ...config, labels: labelsOf(remedy) }])
  return { defaults: { interval, timeout, confirmInterval }, dependencies: Object.fromEntries(entries) }
}

/** In a config, a dollar sign is written twice. */
function labelsOf(remedy: string | undefined): Record<string, string> {
  return remedy === undefined ? {} : { remedy: remedy.slice(0, 200).replaceAll('$', '$$$$') }
}

/** Who they are, and where to look, as text. */
export function introduction(actors: readonly Actor[], { urls, monitor }: Service): string {
  const targets = monitor.state.snapshot().states.map(({ dependency }) => dependency.target)
  const rows = actors.map(({ name, what, remedy }, i) => [
    name,
    targets[i] ?? '',
    remedy === undefined ? what : `${what}: ${remedy}`,
  ])
  const paths = { page: '/', metrics: '/metrics', readiness: '/readyz', details: '/health' }
  const links = Object.entries(paths).map(([what, path]) => [what, `${urls[0]}${path}`])
  const lines = [...rows, [], ...links].map(([first = '', ...rest]) =>
    `  ${first.padEnd(10)} ${rest.map(cell => cell.padEnd(36)).join(' ')}`.trimEnd(),
  )
  const audience = 'The page and the details are for clients on this machine; see docs/operating.md, Access.'
  return `\n${lines.join('\n')}\n\n${audience}\nCtrl-C ends it and leaves nothing behind.\n\n`
}
