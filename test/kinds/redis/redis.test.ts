import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { redis } from '../../../src/kinds/redis/redis.ts'
import { dependencySchema } from '../../../src/model/definition.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, parseOptions } from '../../support/check.ts'
import { type ByteServer, serve, until } from '../../support/net.ts'
import { type RedisServer, startCluster, startRedis, startSentinel } from '../../support/redis.ts'
import { contract } from '../contract.ts'

contract({
  kind: redis,
  options: port => ({ host: '127.0.0.1', port }),
  secretive: (port, secret) => ({
    url: `redis://127.0.0.1:${port}`,
    username: 'someone',
    password: secret,
    tls: { key: secret },
  }),
  real: async () => {
    const server = await startRedis()
    return { port: server.port, stop: server.remove }
  },
  garbage: ['protocol_error'],
})

const ok = { ok: true }
const failure = (reason: string, detail: string) => ({ ok: false, reason, detail })
/** A server that goes when the test does, however that ends. */
const during = async (starting: Promise<RedisServer>) => {
  const server = await starting
  onTestFinished(server.remove)
  return server
}
/** Connections that the server has, but for the test's own. */
const clients = async (server: RedisServer) =>
  String(await server.command('CLIENT', 'LIST', 'TYPE', 'normal'))
    .trim()
    .split('\n').length - 1

describe('redis: one server', () => {
  let server: RedisServer
  beforeEach(async () => {
    server = await startRedis({ args: ['--enable-debug-command', 'yes'] })
  })
  afterEach(() => server.remove())

  test('PONG is ok, in phases connect and request, and leaves no connection', async () => {
    const result = await check(redis, { url: server.url })
    expect(result).toMatchObject(ok)
    expect(Object.keys(result.phases)).toEqual(['connect', 'request'])
    await until(async () => (await clients(server)) === 0, 'the connection is gone')
  })

  test('R1: frozen in the middle is a timeout, and recovery needs nothing', async () => {
    server.freeze()
    expect(await check(redis, { url: server.url }, 200)).toMatchObject({
      ...failure('timeout', 'timeout'),
      durationMs: 200,
    })
    server.thaw()
    expect(await check(redis, { url: server.url })).toMatchObject(ok)
    await until(async () => (await clients(server)) === 0, 'no connection of a frozen check is left')
  })

  test('R2: frozen before the login is a timeout in phase auth', async () => {
    server.freeze()
    const result = await check(redis, { url: server.url, password: 'secret' }, 200)
    expect(result).toMatchObject({
      ...failure('timeout', 'timeout'),
      message: expect.stringContaining('phase auth'),
    })
  })

  test('R3: LOADING', async () => {
    await server.command('DEBUG', 'POPULATE', '200000')
    await server.command('SAVE')
    await server.stop()
    await server.start('--key-load-delay', '50', '--loading-process-events-interval-bytes', '1024')
    expect(await check(redis, { url: server.url })).toMatchObject(failure('unhealthy', 'LOADING'))
  })

  test('R4: BUSY', async () => {
    await server.command('CONFIG', 'SET', 'busy-reply-threshold', 1)
    const script = server.command('EVAL', 'while true do end', 0).catch(() => {})
    await until(async () => !(await check(redis, { url: server.url })).ok, 'the script is noticed')
    expect(await check(redis, { url: server.url })).toMatchObject(failure('unhealthy', 'BUSY'))
    await server.stop()
    await script
  })

  test('R5: OOM is seen by a write alone', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', 1)
    expect(await check(redis, { url: server.url })).toMatchObject(ok)
    expect(await check(redis, { url: server.url, writable: true })).toMatchObject(failure('unhealthy', 'OOM'))
  })

  test('R8: a password set later is seen by the next check, which logs in afresh', async () => {
    expect(await check(redis, { url: server.url })).toMatchObject(ok)
    await server.command('CONFIG', 'SET', 'requirepass', 'new-secret')
    expect(await check(redis, { url: server.url })).toMatchObject(failure('auth_error', 'NOAUTH'))
    const result = await check(redis, { url: server.url, password: 'new-secret' })
    expect(result).toMatchObject(ok)
    expect(Object.keys(result.phases)).toEqual(['connect', 'auth', 'request'])
  })

  test('a password where none is wanted is auth_error: the application could not log in', async () => {
    const result = await check(redis, { url: server.url, password: 'hunter2hunter2' })
    expect(result).toMatchObject(failure('auth_error', 'ERR'))
    expect(result).toMatchObject({ message: expect.stringContaining('without any password configured') })
  })

  test('R10: at maxclients it is overloaded, every time', async () => {
    await server.command('CONFIG', 'SET', 'maxclients', 1)
    for (let i = 0; i < 30; i++) {
      expect(await check(redis, { url: server.url })).toMatchObject(failure('unhealthy', 'overloaded'))
      expect(await check(redis, { url: server.url, password: 'hunter2' })).toMatchObject(
        failure('unhealthy', 'overloaded'),
      )
    }
  })

  test('R11: CLIENT PAUSE ALL is a timeout; WRITE leaves PING alone', async () => {
    await server.command('CLIENT', 'PAUSE', 60_000, 'WRITE')
    expect(await check(redis, { url: server.url }, 500)).toMatchObject(ok)
    expect(await check(redis, { url: server.url, writable: true }, 200)).toMatchObject(
      failure('timeout', 'timeout'),
    )
    await server.command('CLIENT', 'PAUSE', 60_000, 'ALL')
    expect(await check(redis, { url: server.url }, 200)).toMatchObject(failure('timeout', 'timeout'))
  })

  test('R13: MISCONF, when the server cannot save', async () => {
    await server.command('CONFIG', 'SET', 'save', '3600 1')
    await server.command('SET', 'a', 'b')
    await rm(server.folder, { recursive: true })
    await server.command('BGSAVE')
    await until(
      async () => String(await server.command('INFO', 'persistence')).includes('last_bgsave_status:err'),
      'the save failed',
    )
    expect(await check(redis, { url: server.url })).toMatchObject(failure('unhealthy', 'MISCONF'))
  })

  test('NOREPLICAS is seen by a write alone', async () => {
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', 1)
    expect(await check(redis, { url: server.url })).toMatchObject(ok)
    expect(await check(redis, { url: server.url, writable: true })).toMatchObject(
      failure('unhealthy', 'NOREPLICAS'),
    )
  })

  test('a database that does not exist is no_such_object', async () => {
    expect(await check(redis, { url: `${server.url}/3` })).toMatchObject(ok)
    expect(await check(redis, { url: server.url, database: 99 })).toMatchObject(
      failure('unhealthy', 'no_such_object'),
    )
  })

  test('a write leaves nothing behind and changes nothing, whatever the key holds', async () => {
    await server.command('SET', 'text', 'kept', 'EX', 1_000)
    await server.command('LPUSH', 'list', 'kept')
    const before = [await server.command('DEBUG', 'DIGEST'), await changes(server)]
    for (const writeKey of ['pulsecheck:writable', 'text', 'list'])
      expect(await check(redis, { url: server.url, writable: true, writeKey })).toMatchObject(ok)
    expect([await server.command('DEBUG', 'DIGEST'), await changes(server)]).toEqual(before)
    expect(await server.command('DBSIZE')).toBe(2)
  })

  test('a sentinel is no master', async () => {
    const sentinel = await during(startSentinel('main', server.port))
    expect(await check(redis, { url: sentinel.url, role: 'master' })).toMatchObject(
      failure('unhealthy', 'wrong_role'),
    )
  })

  test('R16: a restart is followed at once', async () => {
    await server.stop()
    expect(await check(redis, { url: server.url })).toMatchObject(failure('connection_error', 'ECONNREFUSED'))
    await server.start()
    expect(await check(redis, { url: server.url })).toMatchObject(ok)
  })
})

async function changes(server: RedisServer): Promise<string | undefined> {
  return /rdb_changes_since_last_save:(\d+)/.exec(String(await server.command('INFO', 'persistence')))?.[1]
}

describe('redis: users', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis({ args: ['--requirepass', 'default-secret'], password: 'default-secret' })
    await server.command('ACL', 'SETUSER', 'app', 'on', '>pass:w/rd%', '~app:*', '+@all')
    await server.command('ACL', 'SETUSER', 'mute', 'on', '>mute-secret', '-@all')
  })
  afterAll(() => server.remove())

  test.each([
    ['the default user', { password: 'default-secret' }, ok],
    ['an ACL user', { username: 'app', password: 'pass:w/rd%' }, ok],
    ['R9: a wrong password', { password: 'not-the-secret' }, failure('auth_error', 'WRONGPASS')],
    ['an unknown user', { username: 'nobody', password: 'whatever' }, failure('auth_error', 'WRONGPASS')],
    ['no password', {}, failure('auth_error', 'NOAUTH')],
    ['no password, but a database', { database: 1 }, failure('auth_error', 'NOAUTH')],
    ['R13: no permission', { username: 'mute', password: 'mute-secret' }, failure('auth_error', 'NOPERM')],
    [
      'no permission for the key',
      { username: 'app', password: 'pass:w/rd%', writable: true },
      failure('auth_error', 'NOPERM'),
    ],
    [
      'a key of its own',
      { username: 'app', password: 'pass:w/rd%', writable: true, writeKey: 'app:health' },
      ok,
    ],
  ])('%s', async (_what, options, expected) => {
    const result = await check(redis, { url: server.url, ...options })
    expect(result).toMatchObject(expected)
    expect(JSON.stringify(result)).not.toMatch(/not-the-secret|whatever|mute-secret|pass:w/)
  })

  test('user and password of the URL, decoded', async () => {
    const url = server.url.replace('//', `//app:${encodeURIComponent('pass:w/rd%')}@`)
    expect(await check(redis, { url })).toMatchObject(ok)
  })

  test('R9: one connection and one login for each check', async () => {
    const count = async () =>
      Number(/total_connections_received:(\d+)/.exec(String(await server.command('INFO', 'stats')))?.[1])
    const before = await count()
    await check(redis, { url: server.url, password: 'not-the-secret' })
    await until(async () => (await clients(server)) === 0, 'the connection is gone')
    expect((await count()) - before).toBe(1)
  })

  test('an unknown AUTH command, which quotes its arguments, is not quoted', async () => {
    const old = await during(startRedis({ args: ['--rename-command', 'AUTH', ''] }))
    const long = `secret-${'x'.repeat(200)}`
    const result = await check(redis, { url: old.url, password: long })
    expect(result).toMatchObject(failure('auth_error', 'ERR'))
    expect(JSON.stringify(result)).not.toContain('secret-')
  })
})

describe('redis: TLS', () => {
  const authority = createAuthority()
  afterAll(() => authority.remove())
  const { caPem: ca } = authority
  const client = authority.issue({ commonName: 'client' })

  test.each([
    ['a good certificate', {}, { tls: { ca } }, ok],
    ['an unknown authority', {}, {}, { ok: false, reason: 'tls_error' }],
    ['not verified', {}, { tls: { verify: false } }, ok],
    ['expired', { expired: true }, { tls: { ca } }, failure('tls_error', 'CERT_HAS_EXPIRED')],
    [
      'for another host',
      { names: ['elsewhere.test'] },
      { tls: { ca } },
      failure('tls_error', 'ERR_TLS_CERT_ALTNAME_INVALID'),
    ],
    ['servername', { names: ['cache.test'] }, { tls: { ca, servername: 'cache.test' } }, ok],
  ])('%s', async (_what, issued, options, expected) => {
    const server = await during(startRedis({ tls: authority.issue(issued) }))
    const result = await check(redis, { url: server.url, ...options })
    expect(result).toMatchObject(expected)
    expect(result.phases.tls).toBeGreaterThan(0)
    expect(result.measurements.tls_not_after_timestamp_seconds).toBeGreaterThan(1.7e9)
  })

  test('a password is not sent to a server that is not verified', async () => {
    const server = await during(startRedis({ tls: authority.issue() }))
    const result = await check(redis, { url: server.url, password: 'hunter2hunter2' })
    expect(result).toMatchObject({ ok: false, reason: 'tls_error' })
    expect(result.phases.auth).toBeUndefined()
  })

  test('client certificates', async () => {
    const server = await during(startRedis({ tls: { ...authority.issue(), clientCaFile: authority.caFile } }))
    const withKey = { ca, cert: client.certPem, key: client.keyPem }
    expect(await check(redis, { url: server.url, tls: withKey })).toMatchObject(ok)
    expect(await check(redis, { url: server.url, tls: { ca } })).toMatchObject({
      ok: false,
      reason: 'auth_error',
    })
  })

  test('TLS to a plain port never gets past phase tls; plain to a TLS port gets no PONG', async () => {
    const plain = await during(startRedis())
    // The server reads the handshake as a command, and answers only if there is a line end among its random bytes.
    const mistaken = await check(redis, { host: '127.0.0.1', port: plain.port, tls: { ca } }, 200)
    expect(mistaken.ok ? 'ok' : mistaken.reason).toMatch(/^(?:timeout|tls_error)$/)
    expect(Object.keys(mistaken.phases)).toEqual(['connect', 'tls'])
    const secured = await during(startRedis({ tls: authority.issue() }))
    expect(await check(redis, { host: '127.0.0.1', port: secured.port })).toMatchObject({ ok: false })
  })
})

describe('redis: replication', () => {
  let master: RedisServer
  let replica: RedisServer
  beforeEach(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
    replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${master.port}`] })
    await until(() => online(master), 'the replica is connected')
  })
  afterEach(async () => {
    await master.remove()
    await replica.remove()
  })

  test('R6: roles', async () => {
    expect(await check(redis, { url: master.url, role: 'master' })).toMatchObject({
      ok: true,
      measurements: { connected_replicas: 1 },
    })
    expect(await check(redis, { url: replica.url, role: 'replica' })).toMatchObject({
      ok: true,
      measurements: { master_link_up: 1 },
    })
    expect(await check(redis, { url: replica.url })).toMatchObject({ ok: true, measurements: {} })
    expect(await check(redis, { url: replica.url, role: 'master' })).toMatchObject(
      failure('unhealthy', 'read_only'),
    )
    expect(await check(redis, { url: master.url, role: 'replica' })).toMatchObject(
      failure('unhealthy', 'wrong_role'),
    )
    expect(await check(redis, { url: replica.url, writable: true })).toMatchObject(
      failure('unhealthy', 'READONLY'),
    )
  })

  test('R6: roles that change hands are followed by the next check', async () => {
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await master.command('REPLICAOF', '127.0.0.1', replica.port)
    expect(await check(redis, { url: replica.url, role: 'master', writable: true })).toMatchObject(ok)
    expect(await check(redis, { url: master.url, role: 'master' })).toMatchObject(
      failure('unhealthy', 'read_only'),
    )
  })

  test('R7: MASTERDOWN', async () => {
    await replica.command('CONFIG', 'SET', 'replica-serve-stale-data', 'no')
    await master.stop()
    await until(async () => (await linkOf(replica)) !== 'connected', 'the link is down')
    expect(await check(redis, { url: replica.url })).toMatchObject(failure('unhealthy', 'MASTERDOWN'))
    await replica.command('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
    expect(await check(redis, { url: replica.url, role: 'replica' })).toMatchObject({
      ok: true,
      measurements: { master_link_up: 0 },
    })
    expect(await check(redis, { url: replica.url, role: 'replica', masterLink: true })).toMatchObject({
      ...failure('unhealthy', 'MASTERDOWN'),
      message: expect.stringMatching(/^the link to the master is down: connect/),
      measurements: { master_link_up: 0 },
    })
    await master.start()
    await until(async () => (await linkOf(replica)) === 'connected', 'the link is up again')
    expect(await check(redis, { url: replica.url, role: 'replica', masterLink: true })).toMatchObject(ok)
  })
})

describe('redis: R14: Sentinel', () => {
  let master: RedisServer
  let replica: RedisServer
  let sentinels: readonly RedisServer[]
  const behind = (name = 'main') => ({
    sentinel: { name, nodes: sentinels.map(({ port }) => `127.0.0.1:${port}`) },
  })
  beforeAll(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
    replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${master.port}`] })
    await until(() => online(master), 'the replica is connected')
    sentinels = await Promise.all([1, 2].map(() => startSentinel('main', master.port)))
    for (const sentinel of sentinels)
      await until(async () => {
        const info = String(await sentinel.command('INFO', 'sentinel'))
        return /status=ok.*slaves=1,sentinels=2/.test(info)
      }, 'the sentinels know each other and the replica')
  })
  afterAll(async () => {
    for (const server of [...sentinels, master, replica]) await server.remove()
  })

  test('finds the master, and the replica', async () => {
    expect(await check(redis, { ...behind(), writable: true })).toMatchObject({
      ok: true,
      measurements: { connected_replicas: 1 },
    })
    expect(await check(redis, { ...behind(), role: 'replica' })).toMatchObject({
      ok: true,
      measurements: { master_link_up: 1 },
    })
  })

  test('a name that no sentinel knows is no_such_object', async () => {
    for (const role of ['master', 'replica'])
      expect(await check(redis, { ...behind('other'), role })).toMatchObject(
        failure('unhealthy', 'no_such_object'),
      )
  })

  test('a frozen sentinel does not hide what another answers', async () => {
    sentinels[1]?.freeze()
    onTestFinished(() => sentinels[1]?.thaw())
    expect(await check(redis, behind('other'), 300)).toMatchObject(failure('unhealthy', 'no_such_object'))
  })

  test('what a sentinel answers does not stand for a master that is silent', async () => {
    const silent = await serve(() => {})
    onTestFinished(silent.close)
    const stranger = await during(startSentinel('stranger', silent.port))
    const knowing = await during(startSentinel('main', silent.port))
    const nodes = [stranger, silent, knowing].map(({ port }) => `127.0.0.1:${port}`)
    expect(await check(redis, { sentinel: { name: 'main', nodes } }, 400)).toMatchObject(
      failure('timeout', 'timeout'),
    )
  })

  test('one frozen sentinel does not matter; two are a timeout', async () => {
    sentinels[0]?.freeze()
    expect(await check(redis, behind())).toMatchObject(ok)
    sentinels[1]?.freeze()
    expect(await check(redis, behind(), 300)).toMatchObject(failure('timeout', 'timeout'))
    for (const sentinel of sentinels) sentinel.thaw()
    expect(await check(redis, behind())).toMatchObject(ok)
  })

  test('a sentinel that wants a password', async () => {
    const guarded = await during(startSentinel('main', master.port, ['--requirepass', 'sentinel-secret']))
    const sentinel = { name: 'main', nodes: [`127.0.0.1:${guarded.port}`] }
    expect(await check(redis, { sentinel })).toMatchObject(failure('auth_error', 'NOAUTH'))
    expect(await check(redis, { sentinel: { ...sentinel, password: 'wrong-secret' } })).toMatchObject(
      failure('auth_error', 'WRONGPASS'),
    )
    expect(await check(redis, { sentinel: { ...sentinel, password: 'sentinel-secret' } })).toMatchObject(ok)
  })

  test('a failover is followed; a dead sentinel is passed over; two are ECONNREFUSED', async () => {
    await master.stop()
    expect(await check(redis, behind())).toMatchObject(failure('connection_error', 'ECONNREFUSED'))
    await until(async () => (await check(redis, behind())).ok, 'the replica was promoted')
    await until(async () => (await masterAt(sentinels[1])) === replica.port, 'the other sentinel has heard')
    await sentinels[0]?.stop()
    expect(await check(redis, { ...behind(), writable: true })).toMatchObject(ok)
    await sentinels[1]?.stop()
    expect(await check(redis, behind())).toMatchObject(failure('connection_error', 'ECONNREFUSED'))
  })
})

/** The port of the master, as a sentinel has it. */
async function masterAt(sentinel: RedisServer | undefined): Promise<number> {
  const reply = await sentinel?.command('SENTINEL', 'get-master-addr-by-name', 'main')
  return Array.isArray(reply) ? Number(reply[1]) : 0
}

/** Whether a master counts its replica as online. */
async function online(master: RedisServer): Promise<boolean> {
  return String(await master.command('INFO', 'replication')).includes('state=online')
}

async function linkOf(replica: RedisServer): Promise<unknown> {
  const role = await replica.command('ROLE')
  return Array.isArray(role) ? role[3] : undefined
}

describe('redis: R15: Cluster', () => {
  let nodes: readonly RedisServer[]
  const through = (servers: readonly RedisServer[]) => ({
    cluster: { nodes: servers.map(({ port }) => `127.0.0.1:${port}`) },
  })
  beforeAll(async () => {
    nodes = await startCluster(3)
  })
  afterAll(async () => {
    for (const node of nodes) await node.remove()
  })

  test('any node answers for it; a write finds the node of its key', async () => {
    expect(await check(redis, through(nodes))).toMatchObject(ok)
    for (const node of nodes)
      expect(await check(redis, { ...through([node]), writable: true })).toMatchObject(ok)
  })

  test('a write finds its slot while it moves', async () => {
    const slot = Number(await nodes[0]?.command('CLUSTER', 'KEYSLOT', 'pulsecheck:writable'))
    const owner = nodes[Math.floor(slot / Math.ceil(16_384 / nodes.length))]!
    const heir = nodes.find(node => node !== owner)!
    const [from, to] = [await owner.command('CLUSTER', 'MYID'), await heir.command('CLUSTER', 'MYID')]
    await heir.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(from))
    await owner.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(to))
    await expect(owner.command('GET', 'pulsecheck:writable')).rejects.toThrow(/^ASK /)
    expect(await check(redis, { ...through([owner]), writable: true })).toMatchObject(ok)
    for (const node of [owner, heir]) await node.command('CLUSTER', 'SETSLOT', slot, 'STABLE')
  })

  test('a server without cluster support is said to be one', async () => {
    const single = await during(startRedis())
    const result = await check(redis, through([single]))
    expect(result).toMatchObject(failure('unhealthy', 'ERR'))
    expect(result).toMatchObject({ message: expect.stringContaining('cluster support disabled') })
  })

  test('a MOVED loop ends after one redirect', async () => {
    const info = 'cluster_state:ok\r\ncluster_slots_ok:16384\r\n'
    const loop = await serve(socket =>
      socket.on('data', data => {
        const text = String(data).toUpperCase()
        if (text.includes('CLUSTER')) socket.write(`$${info.length}\r\n${info}\r\n`)
        else if (text.includes('PING')) socket.write('+PONG\r\n')
        else socket.write(`-MOVED 5 :${loop.port}\r\n`)
      }),
    )
    onTestFinished(loop.close)
    const cluster = { nodes: [`127.0.0.1:${loop.port}`] }
    expect(await check(redis, { cluster, writable: true })).toMatchObject(failure('unhealthy', 'MOVED'))
    expect(loop.accepted()).toBe(2)
  })

  test('a lost slot, a lost node, none left', async () => {
    for (const node of nodes) {
      await node.command('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
      await node.command('CLUSTER', 'DELSLOTS', 5)
    }
    const uncovered = await check(redis, through(nodes))
    expect(uncovered).toMatchObject(failure('unhealthy', 'not_ready'))
    expect(uncovered).toMatchObject({ message: expect.stringContaining('state ok with 16383 of 16384') })
    await nodes[0]?.stop()
    await until(
      async () => /cluster_slots_fail:[1-9]/.test(String(await nodes[1]?.command('CLUSTER', 'INFO'))),
      'the loss is noticed',
    )
    expect(await check(redis, through(nodes))).toMatchObject(failure('unhealthy', 'not_ready'))
    nodes[2]?.freeze()
    expect(await check(redis, through(nodes), 300)).toMatchObject(failure('unhealthy', 'not_ready'))
    for (const node of nodes) node.freeze()
    expect(await check(redis, through(nodes), 300)).toMatchObject(failure('timeout', 'timeout'))
    for (const node of nodes) await node.stop()
    expect(await check(redis, through(nodes))).toMatchObject(failure('connection_error', 'ECONNREFUSED'))
  })
})

describe('redis: R12: hostile answers', () => {
  let server: ByteServer
  let answer: Buffer
  beforeAll(async () => {
    server = await serve(socket => socket.on('data', () => socket.write(answer)))
  })
  afterAll(() => server.close())
  const ask = (bytes: string | Buffer, timeoutMs = 150) => {
    answer = Buffer.from(bytes as string)
    return check(redis, { url: `redis://127.0.0.1:${server.port}`, role: 'master' }, timeoutMs)
  }

  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'protocol_error'],
    ['another line protocol', '+OK POP3 server ready\r\n', 'protocol_error'],
    ['a number for PONG', ':1\r\n', 'protocol_error'],
    ['null for PONG', '$-1\r\n', 'protocol_error'],
    ['a RESP3 push', '>1\r\n_\r\n', 'protocol_error'],
    ['an array of 33 million', '*33000000\r\n', 'body_too_large'],
    ['a bulk of 2 GiB', '$2147483647\r\n', 'body_too_large'],
    ['a length that is none', '$abc\r\n', 'protocol_error'],
    ['a negative length', '$-2\r\n', 'protocol_error'],
    ['a bulk that is longer than it said', '$1\r\nabcd\r\n', 'protocol_error'],
    ['a line that ends in CR alone', '+PONG\rX$-1\r\n', 'protocol_error'],
    ['200,000 arrays in each other', '*1\r\n'.repeat(200_000), 'protocol_error'],
    ['a line without end', Buffer.alloc(2 ** 21, '+'), 'body_too_large'],
  ])('%s', async (_what, bytes, detail) => {
    const before = process.memoryUsage().rss
    expect(await ask(bytes, 1_000)).toMatchObject(failure('protocol_error', detail))
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 2 ** 20)
  })

  test('sentinels and nodes that never answer are let go of, and hide no answer', async () => {
    const silent = await serve(() => {})
    onTestFinished(silent.close)
    const nodes = [`127.0.0.1:${silent.port}`, `127.0.0.1:${silent.port}`]
    for (const options of [{ cluster: { nodes } }, { sentinel: { name: 'main', nodes } }])
      expect(await check(redis, options, 200)).toMatchObject(failure('timeout', 'timeout'))
    expect(silent.accepted()).toBe(4)
    answer = Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')
    const cluster = { nodes: [`127.0.0.1:${server.port}`, ...nodes] }
    expect(await check(redis, { cluster }, 200)).toMatchObject(failure('protocol_error', 'protocol_error'))
    await until(() => silent.open.size === 0, 'all connections are gone')
  })

  test.each([
    ['no address', '*1\r\n$1\r\na\r\n'],
    ['a port beyond all ports', '*2\r\n$1\r\na\r\n$5\r\n99999\r\n'],
    ['no array', '+OK\r\n'],
  ])('a sentinel that answers %s', async (_what, bytes) => {
    answer = Buffer.from(bytes)
    const sentinel = { name: 'main', nodes: [`127.0.0.1:${server.port}`] }
    expect(await check(redis, { sentinel })).toMatchObject(failure('protocol_error', 'protocol_error'))
  })

  test('half a reply is a timeout; half a reply and the end is protocol_error', async () => {
    expect(await ask('$100\r\nhalf')).toMatchObject(failure('timeout', 'timeout'))
    const rude = await serve(socket => socket.on('data', () => socket.end('$100\r\nhalf')))
    onTestFinished(rude.close)
    expect(await check(redis, { url: `redis://127.0.0.1:${rude.port}` })).toMatchObject(
      failure('protocol_error', 'protocol_error'),
    )
  })

  test('replies that nobody asked for are not read', async () => {
    const result = await ask('+PONG\r\n$-1\r\n*1\r\n*1\r\n$-1\r\n')
    expect(result).toMatchObject(failure('protocol_error', 'protocol_error'))
    expect(result).toMatchObject({ message: expect.stringContaining('ROLE') })
  })

  test.each([
    ['-ERR max number of clients reached\r\n', 'unhealthy', 'overloaded'],
    ['-DENIED Redis is running in protected mode\r\n', 'auth_error', 'DENIED'],
  ])('last words before the end are heard: %j', async (words, reason, detail) => {
    const rude = await serve(socket => socket.end(words))
    onTestFinished(rude.close)
    for (let i = 0; i < 20; i++)
      expect(await check(redis, { url: `redis://127.0.0.1:${rude.port}` })).toMatchObject(
        failure(reason, detail),
      )
  })

  test.each([
    ['-CLUSTERDOWN The cluster is down', 'CLUSTERDOWN'],
    ['-MADEUP by the server', 'ERR'],
    ['-', 'ERR'],
    ['-constructor', 'ERR'],
  ])('error replies come from a closed set: %j', async (reply, detail) => {
    expect(await ask(`${reply}\r\n`)).toMatchObject(failure('unhealthy', detail))
  })

  test('thousands of broken answers end each check in time, and never the process', async () => {
    const seeds = [
      '+PONG\r\n',
      '*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n',
      '*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:7\r\n',
      '-LOADING Redis is loading\r\n',
      '$-1\r\n*-1\r\n>2\r\n%1\r\n_\r\n',
    ]
    const random = generator(7)
    const mutate = () => {
      const bytes = Buffer.from(
        Array.from({ length: 1 + random(3) }, () => seeds[random(seeds.length)]).join(''),
      )
      for (let i = random(4); i > 0; i--)
        bytes[random(bytes.length)] = '+-:$*>%_\r\n0159a'.charCodeAt(random(16))
      return bytes.subarray(0, 1 + random(bytes.length))
    }
    const results: unknown[] = []
    for (let i = 0; i < 60; i++) {
      answer = mutate()
      const checks = Array.from({ length: 40 }, () =>
        check(redis, { url: `redis://127.0.0.1:${server.port}`, role: 'master' }, 60),
      )
      results.push(...(await Promise.all(checks)))
    }
    expect(results).toHaveLength(2_400)
    await until(() => server.open.size === 0, 'all connections are gone')
  })
})

/** Numbers below `n` that are the same at each run (a linear congruential generator, Numerical Recipes). */
function generator(seed: number): (n: number) => number {
  let state = seed
  return n => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return Math.floor((state / 2 ** 32) * n)
  }
}

describe('redis: options', () => {
  test.each([
    [{}, 'required: a url, or host, sentinel or cluster'],
    [{ url: 'redis://a', host: 'b' }, 'give either url or host, not both'],
    [{ url: 'http://a' }, 'expected a URL that starts with redis:// or rediss://'],
    [{ url: 'redis://a/x' }, 'only a database number may follow the port in the URL'],
    [{ url: 'redis://a?db=1' }, 'a Redis URL has no query; use the other keys instead'],
    [{ url: 'redis://u:%zz@a' }, 'the user or the password cannot be decoded; write "%" as %25'],
    [{ url: 'redis://u@a' }, 'a username needs a password'],
    [{ url: 'redis://:p@a', password: 'q' }, 'the URL already has a password'],
    [{ url: 'redis://a/1', database: 1 }, 'the URL already has a database'],
    [{ host: 'a', username: 'u' }, 'a username needs a password'],
    [{ host: 'a', password: '' }, 'the password is empty'],
    [{ url: 'redis://a', port: 1 }, 'port needs host'],
    [{ cluster: { nodes: ['a:1'] }, database: 1 }, 'a cluster has only database 0'],
    [
      { cluster: { nodes: ['a:1'] }, role: 'master' },
      'a cluster has nodes of both roles; role is for a single server or a sentinel',
    ],
    [{ url: 'redis://a', masterLink: true }, 'masterLink needs role: replica'],
    [{ url: 'redis://a', role: 'master', masterLink: true }, 'masterLink needs role: replica'],
    [{ cluster: { nodes: ['a:99999'] } }, 'expected host or host:port, with an IPv6 address in brackets'],
    [{ cluster: { nodes: ['a:b:c'] } }, 'expected host or host:port, with an IPv6 address in brackets'],
    [{ sentinel: { name: 'main', nodes: ['a'], username: 'u' } }, 'a username needs a password'],
  ])('refuses %j', (options, message) => {
    const parsed = dependencySchema(redis).safeParse(options)
    expect(parsed.error?.issues.map(issue => issue.message)).toContain(message)
  })

  test.each([
    [{ url: 'redis://cache' }, 'cache:6379'],
    [{ url: 'rediss://user:secret@[::1]:7000/2' }, '[::1]:7000/2'],
    [{ host: 'cache', port: 1, database: 3 }, 'cache:1/3'],
    [{ sentinel: { name: 'main', nodes: ['a', '[::1]:5'] } }, 'sentinel:main@a:26379,[::1]:5'],
    [{ cluster: { nodes: ['a', 'b:7001'] } }, 'cluster:a:6379,b:7001'],
  ])('prints %j as %s', (options, target) => {
    expect(redis.target(parseOptions(redis, options))).toBe(target)
  })
})
