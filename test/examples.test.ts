/** Every example runs against a real PostgreSQL and Redis: it becomes ready, is scraped, notices a failure, and ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, until } from './support/net.ts'
import { type PostgresServer, startPostgres } from './support/postgres.ts'
import { type RedisServer, startRedis } from './support/redis.ts'

const root = join(import.meta.dirname, '..')
const examples = readdirSync(join(root, 'examples')).filter(file => file.endsWith('.ts'))
const started: ChildProcess[] = []
let folder: string
let database: PostgresServer
let cache: RedisServer

beforeAll(async () => {
  mkdirSync(join(root, 'tmp'), { recursive: true })
  folder = mkdtempSync(join(root, 'tmp/examples-'))
  // They import the package by its name, as an application does; here its sources stand for it.
  for (const file of examples) {
    const text = readFileSync(join(root, 'examples', file), 'utf8')
    writeFileSync(join(folder, file), text.replace("'pulsecheck'", "'../../src/index.ts'"))
  }
  database = await startPostgres()
  cache = await startRedis()
})
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  await database.stop()
  await cache.remove()
  rmSync(folder, { recursive: true })
})

test('they compile', () => {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }),
  )
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  expect(stdout).toBe('')
})

describe.each(examples)('%s', file => {
  test('runs, notices a failure, and ends by itself', async () => {
    const port = await closedPort()
    const env = {
      ...process.env,
      PORT: String(port),
      DATABASE_URL: database.url,
      REDIS_URL: `redis://127.0.0.1:${cache.port}`,
      SHUTDOWN_DELAY: '100ms',
      SHUTDOWN_DELAY_MS: '100',
    }
    const child = spawn(process.execPath, [join(folder, file)], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    started.push(child)
    let complaints = ''
    child.stderr?.on('data', text => {
      complaints += text
    })
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return { status: response.status, text: await response.text() }
    }
    const isReady = () =>
      get('/internal/readyz').then(
        ({ status }) => status === 200,
        () => false,
      )
    await until(isReady, `it is ready: ${complaints}`, 20_000)
    expect(await get('/')).toMatchObject({ status: 200 })
    const { text } = await get('/internal/metrics')
    expect(text).toContain('\ndependency_up{dependency="orders-db",kind="postgres"} 1\n')
    if (file === 'express.ts') expect(text).toContain('\nhttp_requests_total 1\n')
    expect((await get('/internal/')).text).toMatch(/<title>(?:OK|Degraded): /)
    cache.freeze()
    await until(
      async () => (await get('/internal/readyz')).text.includes('"cache":false'),
      'a failure is seen',
      20_000,
    )
    expect(await isReady()).toBe(true)
    cache.thaw()
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
    expect(complaints).not.toMatch(/Error|Warning/)
  }, 60_000)
})
