/** The examination of a server through a client of the application, which the check neither opens nor closes. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { examine } from '../../../src/kinds/redis/check.ts'
import { clientOf } from '../../../src/kinds/redis/client.ts'
import { checkContext } from '../../support/context.ts'
import { startRedis } from '../../support/redis.ts'

const demand = { role: 'master', masterLink: true, writable: true, writeKey: 'pulsecheck' } as const

test('a borrowed client is examined, and stays open', async () => {
  const server = await startRedis()
  onTestFinished(server.remove)
  const borrowed = new Redis(server.port, '127.0.0.1')
  onTestFinished(() => borrowed.disconnect())
  const { context, trace } = checkContext()
  await examine(clientOf(borrowed), demand, context)
  expect(trace.read().measurements).toEqual({ connected_replicas: 0 })
  await borrowed.config('SET', 'maxmemory', '1')
  await expect(examine(clientOf(borrowed), demand, context)).rejects.toMatchObject({
    reason: 'unhealthy',
    detail: 'OOM',
  })
  expect(borrowed.status).toBe('ready')
})
