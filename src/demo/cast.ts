/** The dependencies of the demo: PostgreSQL, Redis and an HTTP service. */
import { randomBytes } from 'node:crypto'
import { formatDuration } from '../model/notation.ts'
import type { Service } from '../service.ts'
import { startPostgres } from './postgres.ts'
import { startHttp, startRedis } from './servers.ts'
import { freePort, type Presence, type Stage } from './stage.ts'

/** One dependency of the demo. */
export interface Actor extends Presence {
  readonly name: string
  /** Its own keys in the config. */
  readonly config: { readonly kind: string; readonly [key: string]: unknown }
}

/**
 * Starts all of them, and returns them, whether they started or not, in the order of their troubles. Never rejects, so
 * that nothing is still starting when the demo ends.
 */
export async function gatherActors(stage: Stage, slowMs: number): Promise<readonly Actor[]> {
  const [postgres, redis, http] = await Promise.all([freePort(), freePort(), freePort()])
  const login = { user: 'orders', password: randomBytes(12).toString('hex'), database: 'orders' }
  const { user, password, database } = login
  return await Promise.all([
    present('cache', startRedis(stage, redis), {
      kind: 'redis',
      url: `redis://127.0.0.1:${redis}`,
      critical: false,
    }),
    present('payments', startHttp(stage, http, slowMs), {
      kind: 'http',
      url: `http://127.0.0.1:${http}/health`,
      expect: { json: { status: 'ok' } },
    }),
    present('orders-db', startPostgres(stage, { ...login, port: postgres }), {
      kind: 'postgres',
      url: `postgres://${user}:${password}@127.0.0.1:${postgres}/${database}`,
    }),
  ])
}

async function present(name: string, start: Promise<Presence>, config: Actor['config']): Promise<Actor> {
  const failed = (error: Error): Presence => ({ what: 'did not start', remedy: error.message })
  return { name, config, ...(await start.catch(failed)) }
}

/** A config that checks them, with the remedies as labels. */
export function writeConfig(actors: readonly Actor[], intervalMs: number): object {
  const [interval, timeout, confirmInterval] = [1, 2, 4].map(part => formatDuration(intervalMs / part))
  const entries = actors.map(({ name, config, remedy }) => [name, { ...config, labels: labelsOf(remedy) }])
  return {
    defaults: { interval, timeout, confirmInterval, slo: 0.999 },
    dependencies: Object.fromEntries(entries),
  }
}

/** In a config, a dollar sign is written twice. */
function labelsOf(remedy: string | undefined): Record<string, string> {
  return remedy === undefined ? {} : { remedy: remedy.slice(0, 200).replaceAll('$', '$$$$') }
}

/** Text that lists them, and the addresses to open. */
export function introduce(actors: readonly Actor[], { urls, monitor }: Service, alerts?: string): string {
  const targets = monitor.state.snapshot().states.map(({ dependency }) => dependency.target)
  const rows = actors.map(({ name, what, remedy }, i) => [
    name,
    targets[i] ?? '',
    remedy === undefined ? what : `${what}: ${remedy}`,
  ])
  const paths = { page: '/', metrics: '/metrics', readiness: '/readyz', details: '/health' }
  const own = Object.entries(paths).map(([what, path]) => [what, `${urls[0]}${path}`])
  const links = alerts === undefined ? own : [...own, ['alerts', alerts]]
  const lines = [...rows, [], ...links].map(([first = '', ...rest]) =>
    `  ${first.padEnd(10)} ${rest.map(cell => cell.padEnd(36)).join(' ')}`.trimEnd(),
  )
  const audience = 'The page and the details are for clients on this machine; see docs/operating.md, Access.'
  return `\n${lines.join('\n')}\n\n${audience}\nPress Ctrl-C to stop. The demo leaves nothing behind.\n\n`
}
