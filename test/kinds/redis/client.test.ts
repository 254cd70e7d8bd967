/** Redis through the application's own client. */
import { Cluster, Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { redis } from '../../../src/kinds/redis/redis.ts'
import { createDependency, dependencySchema } from '../../../src/model/definition.ts'
import { createMonitor } from '../../../src/monitor.ts'
import { ask, openMade } from '../../support/check.ts'
import { closedPort, until } from '../../support/net.ts'
import { startCluster, startRedis, startSentinel } from '../../support/redis.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

async function started() {
  const server = await startRedis()
  cleanUp.push(server.remove)
  const client = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 50 })
  client.on('error', () => {})
  cleanUp.push(() => client.disconnect())
  return { server, client }
}

describe('a client of the application', () => {
  test('is asked through, and left as it was', async () => {
    const { client, server } = await started()
    const before = client.eventNames().map(name => [name, client.listenerCount(name)])
    const asker = openMade(
      redis({ client, role: 'master', writable: true, fresh: { url: `redis://127.0.0.1:${server.port}` } }),
    )
    expect(await ask(asker)).toMatchObject({
      ok: true,
      measurements: { connected_replicas: 0, fresh_success: 1, client_success: 1 },
    })
    await asker.close()
    expect(client.status).toBe('ready')
    expect(client.eventNames().map(name => [name, client.listenerCount(name)])).toEqual(before)
  })

  test('whose server hangs is a timeout, and gets one question at most', async () => {
    const { client, server } = await started()
    const asker = openMade(redis({ client }), 100)
    expect(await ask(asker)).toMatchObject({ ok: true })
    server.freeze()
    const { commandQueue } = client as unknown as { commandQueue: { length: number } }
    for (let i = 0; i < 3; i++) expect(await ask(asker)).toMatchObject({ reason: 'timeout', durationMs: 100 })
    expect(commandQueue.length).toBe(1)
    server.thaw()
    await until(async () => (await ask(asker)).ok, 'it answers again')
  })

  test('whose server is gone is told at once, and by name', async () => {
    const { client, server } = await started()
    const monitor = createMonitor({
      dependencies: { cache: redis({ client, interval: '100ms', timeout: '100ms' }) },
    })
    cleanUp.push(() => monitor.stop())
    monitor.start()
    await monitor.waitUntilReady()
    await server.stop()
    await until(() => monitor.state.get('cache')?.status === 'down', 'it is down')
    await until(
      () => monitor.state.get('cache')?.lastFailure?.detail === 'client_disconnected',
      'the client has noticed',
    )
    await server.start()
    await until(() => monitor.ready(), 'it is up again')
    await monitor.stop()
    expect(client.status).toBe('ready')
  })

  test('that never connected is told', async () => {
    const client = new Redis(await closedPort(), '127.0.0.1', {
      retryStrategy: () => null,
      lazyConnect: true,
    })
    client.on('error', () => {})
    expect(await ask(openMade(redis({ client })))).toMatchObject({ reason: 'connection_error' })
    expect(await ask(openMade(redis({ client })))).toMatchObject({
      reason: 'connection_error',
      detail: 'client_disconnected',
    })
  })

  test('of a Cluster says whether the whole cluster is served, and writes to it', async () => {
    const nodes = await startCluster(3)
    cleanUp.push(() => Promise.all(nodes.map(node => node.remove())))
    const client = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
    client.on('error', () => {})
    cleanUp.push(() => client.disconnect())
    const asker = openMade(redis({ client, writable: true }))
    expect(await ask(asker)).toMatchObject({ ok: true })
    expect(client.status).toBe('ready')
  })

  test('behind Sentinel is asked as the master that it found', async () => {
    const { server } = await started()
    const sentinel = await startSentinel('main', server.port)
    cleanUp.push(sentinel.remove)
    const client = new Redis({ name: 'main', sentinels: [{ host: '127.0.0.1', port: sentinel.port }] })
    client.on('error', () => {})
    cleanUp.push(() => client.disconnect())
    const { kind, options } = redis({ client, role: 'master' })
    expect(await ask(openMade({ kind, options }))).toMatchObject({ ok: true })
    const definition = createDependency('cache', kind, dependencySchema(kind).parse(options))
    expect(definition.dependency.target).toBe('sentinel:main')
  })

  test('is typed, and checked at run time', () => {
    const client = new Redis({ lazyConnect: true })
    // @ts-expect-error an option that is misspelt
    redis({ client, rol: 'master' })
    expect(() => createMonitor({ dependencies: { cache: redis({ client: {} } as never) } })).toThrow(
      'dependencies.cache.client: expected a Redis or a Cluster of ioredis',
    )
  })
})
