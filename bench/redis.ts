/**
 * CPU of one Redis check, as the schedule runs it, against bare ioredis with the same options that does the same: a fresh
 * connection and `PING`. Both in this process, against a real redis-server.
 *
 *     node bench/redis.ts [--rounds=15] [--checks=1000]
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { redis } from '../src/kinds/redis/redis.ts'
import { startRedis } from '../test/support/redis.ts'
import { hold } from './support/bars.ts'
import { checkOf, cpuMsPer1000 } from './support/one-check.ts'
import { parameters } from './support/parameters.ts'
import { line, takeTurns } from './support/turns.ts'

const { rounds, checks } = parameters({ rounds: 15, checks: 1_000 })
execFileSync('bash', [join(import.meta.dirname, '../scripts/machine.sh'), 'redis-server'], {
  stdio: 'inherit',
})
const server = await startRedis()

const address = { host: '127.0.0.1', port: server.port }
const ours = checkOf(redis, address)
const bare = async () => {
  const client = new Redis({
    ...address,
    lazyConnect: true,
    protocol: 2,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    noDelay: false,
  })
  client.on('error', () => {})
  await client.connect()
  if ((await client.ping()) !== 'PONG') throw new Error('no PONG')
  client.disconnect()
}
try {
  const turns = await takeTurns(
    rounds,
    () => cpuMsPer1000(checks, ours),
    () => cpuMsPer1000(checks, bare),
  )
  hold({ what: 'check of Redis: CPU', value: turns.ratio, unit: ' × bare ioredis', atMost: 1.15 })
  console.log(`CPU of 1,000 checks (ms), median of ${rounds} rounds of ${checks}`)
  console.table({ PING: line('ioredis', turns, 'at most 1.15') })
} finally {
  await server.remove()
}
