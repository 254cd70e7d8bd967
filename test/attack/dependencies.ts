/** Healthy dependencies of every kind on loopback, of which a program checks many. */
import { receive, startChild } from '../../bench/support/child.ts'
import type { Ports } from '../../bench/support/targets.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { raisePriority } from './priority.ts'

export interface Targets {
  /** So many URLs, of each kind in turn. */
  urls(count: number): readonly string[]
  /** Servers that this machine does not have, and why. */
  readonly missing: readonly string[]
  stop(): Promise<void>
}

export async function startTargets(): Promise<Targets> {
  const child = startChild('targets.ts')
  const { http, tcp } = await receive<Ports>(child)
  const missing: string[] = []
  const orNone = async <T>(start: Promise<T>): Promise<T | undefined> => {
    try {
      return await start
    } catch (error) {
      missing.push((error as Error).message)
      return undefined
    }
  }
  const redis = await orNone(startRedis())
  const postgres = await orNone(startPostgres({ settings: { max_connections: 200 } }))
  for (const pid of [child.pid, redis?.pid, postgres?.pid]) if (pid !== undefined) raisePriority(pid)
  const each = [`tcp://127.0.0.1:${tcp}`, `http://127.0.0.1:${http}/`, redis?.url, postgres?.url]
  const known = each.filter(url => url !== undefined)
  return {
    missing,
    urls: count => Array.from({ length: count }, (_, i) => known[i % known.length] ?? ''),
    async stop() {
      await Promise.all([redis?.remove(), postgres?.stop()])
      child.kill()
    },
  }
}
