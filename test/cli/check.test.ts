import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { type HttpServer, serveHttp } from '../support/http.ts'
import { closedPort, serve, until } from '../support/net.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { result, start } from './commands.ts'
import { onTerminal } from './terminal.ts'

let postgres: PostgresServer
let redis: RedisServer
let http: HttpServer
let closed: number

beforeAll(async () => {
  ;[postgres, redis, http, closed] = await Promise.all([
    startPostgres(),
    startRedis(),
    serveHttp((_, response) => response.writeHead(503).end()),
    closedPort(),
  ])
})
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.remove(), http.stop()])
})

const esc = '\x1b'

/** Two that are up and two that are not, of which none is critical unless told otherwise. */
const mixed = (critical: boolean) => ({
  dependencies: {
    'orders-db': { kind: 'postgres', url: postgres.url },
    cache: { kind: 'redis', url: redis.url },
    payments: { kind: 'http', url: http.url, critical: false },
    search: { kind: 'tcp', host: '127.0.0.1', port: closed, critical },
  },
})

/** A server that takes connections and says nothing. */
async function silent() {
  const server = await serve(() => {})
  onTestFinished(server.close)
  return server
}

const hanging = (port: number, timeout = '1m') => ({
  defaults: { timeout, interval: '1m' },
  dependencies: { a: { kind: 'tcp', host: '127.0.0.1', port, expect: { contains: 'x' } } },
})

describe('the table', () => {
  test('one line a dependency: kind, target, status, phases, reason and message', async () => {
    const { code, stdout, stderr } = await result({ flags: ['check'], config: mixed(true) })
    expect(stderr).toBe('')
    const [header, ...lines] = stdout.trimEnd().split('\n')
    expect(header?.split(/ {2,}/)).toEqual([
      'NAME',
      'KIND',
      'TARGET',
      'CRITICAL',
      'STATUS',
      'DURATION',
      'REASON',
      'MESSAGE',
    ])
    const ms = String.raw`\d+\.\d`
    const rows = [
      `orders-db +postgres +127\\.0\\.0\\.1:${postgres.port}/orders +yes +up +${ms} ms \\(connect ${ms}, auth ${ms}, request ${ms}\\)`,
      `cache +redis +127\\.0\\.0\\.1:${redis.port} +yes +up +${ms} ms \\(connect ${ms}, request ${ms}\\)`,
      `payments +http +${http.url}/ +no +down +${ms} ms .* +unhealthy/http_503 +\\S.*`,
      `search +tcp +127\\.0\\.0\\.1:${closed} +yes +down +${ms} ms \\(connect ${ms}\\) +connection_error/ECONNREFUSED +connect ECONNREFUSED .*`,
      '',
      '2 of 4 up; not up: payments, search \\(critical\\)',
    ]
    expect(lines).toHaveLength(rows.length)
    for (const [i, row] of rows.entries()) expect(lines[i]).toMatch(new RegExp(`^${row}$`))
    expect(code).toBe(1)
  })

  test('exit 0 when only what is not critical is down', async () => {
    expect((await result({ flags: ['check'], config: mixed(false) })).code).toBe(0)
  })

  test('exit 0 when all are up, and the last line says so', async () => {
    const { code, stdout } = await result({ flags: ['check', 'cache', 'orders-db'], config: mixed(true) })
    expect(code).toBe(0)
    expect(stdout).toMatch(/\n2 of 2 up\n$/)
  })
})

describe('the names', () => {
  test('those named are asked and no other', async () => {
    const { stdout, code } = await result({ flags: ['check', 'cache'], config: mixed(true) })
    expect(stdout.trimEnd().split('\n')).toHaveLength(4)
    expect(stdout).toContain('1 of 1 up')
    expect(code).toBe(0)
  })

  test('2 for every name that is not there, with what was probably meant, and nothing is asked', async () => {
    const before = http.requests.length
    const { code, stdout, stderr } = await result({
      flags: ['check', 'payments', 'orders_bd', 'zzzzzzzz'],
      config: mixed(true),
    })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      'error: no dependency "orders_bd" in the config; did you mean orders-db?\n' +
        'error: no dependency "zzzzzzzz" in the config; it has orders-db, cache, payments, search\n',
    )
    expect(http.requests).toHaveLength(before)
  })

  test('3 for a config with problems', async () => {
    const { code, stderr } = await result({
      flags: ['check'],
      config: { dependencies: { a: { kind: 'tpc' } } },
    })
    expect(code).toBe(3)
    expect(stderr).toContain('did you mean tcp?')
  })
})

test('--output json is the document of /health, whole', async () => {
  const { code, stdout, stderr } = await result({ flags: ['check', '--output', 'json'], config: mixed(true) })
  const report = JSON.parse(stdout)
  expect(stderr).toBe('')
  expect(code).toBe(1)
  expect(report.status).toBe('unavailable')
  expect(Object.keys(report.dependencies)).toEqual(['orders-db', 'cache', 'payments', 'search'])
  expect(report.dependencies.search).toMatchObject({
    kind: 'tcp',
    target: `127.0.0.1:${closed}`,
    critical: true,
    status: 'down',
    checks: 1,
    lastCheck: { ok: false, reason: 'connection_error', detail: 'ECONNREFUSED' },
  })
  expect(report.dependencies.cache).toMatchObject({ status: 'up', lastCheck: { ok: true, reason: null } })
  expect(report.dependencies.cache.lastCheck.phasesSeconds.request).toBeGreaterThan(0)
})

test('no secret is in any output', async () => {
  const config = {
    dependencies: {
      db: { kind: 'postgres', url: `postgres://checker:canary-secret@127.0.0.1:${postgres.port}/orders` },
    },
  }
  for (const format of ['table', 'json']) {
    const { stdout, stderr } = await result({ flags: ['check', '-o', format], config })
    expect(stdout).toContain('28P01')
    expect(stdout + stderr).not.toContain('canary-secret')
  }
})

test('side by side, but no more at once than maxConcurrentChecks', async () => {
  let [unanswered, most] = [0, 0]
  const server = await serve(socket => {
    most = Math.max(most, ++unanswered)
    setTimeout(() => {
      unanswered--
      socket.write('x')
    }, 50)
  })
  onTestFinished(server.close)
  const one = { kind: 'tcp', host: '127.0.0.1', port: server.port, expect: { contains: 'x' } }
  const dependencies = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`d${i}`, one]))
  const { code } = await result({ flags: ['check'], config: { maxConcurrentChecks: 2, dependencies } })
  expect(code).toBe(0)
  expect(server.accepted()).toBe(6)
  expect(most).toBe(2)
})

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it at once with %i, and its connections with it', async (signal, code) => {
    const server = await silent()
    const { child, ended, output } = start({ flags: ['check'], config: hanging(server.port) })
    await until(() => server.open.size === 1, 'a check hangs')
    const from = performance.now()
    child.kill(signal)
    expect(await ended).toBe(code)
    expect(performance.now() - from).toBeLessThan(2_000)
    await until(() => server.open.size === 0, 'nothing is left')
    expect(output()).toEqual({ stdout: '', stderr: '' })
  })
})

describe('a query that still runs on the server', () => {
  const query = 'SET statement_timeout = 0; SELECT pg_sleep(600)'
  const sleeping = (timeout: string) => ({
    defaults: { timeout, interval: '10m' },
    dependencies: { db: { kind: 'postgres', url: postgres.url, query } },
  })
  const ours = async () => await postgres.admin("SELECT FROM pg_stat_activity WHERE usename = 'checker'")

  test.each([
    ['check', ['check']],
    ['wait', ['wait', '--timeout', '2s']],
  ])('%s has it cancelled before it ends', async (_name, flags) => {
    const { code } = await result({ flags, config: sleeping('1s') })
    expect(code).toBe(1)
    await until(async () => (await ours()).length === 0, 'no session is left')
  })

  test.each([
    ['check', 'SIGINT', 130],
    ['check', 'SIGTERM', 143],
    ['wait', 'SIGTERM', 143],
  ] as const)('%s has it cancelled when %s ends it', async (command, signal, code) => {
    const { child, ended } = start({ flags: [command], config: sleeping('1m') })
    await until(async () => (await ours()).length === 1, 'the query runs')
    child.kill(signal)
    expect(await ended).toBe(code)
    await until(async () => (await ours()).length === 0, 'no session is left')
  })
})

describe('on a terminal', () => {
  /** A config in a file that is gone after the test. */
  function fileOf(config: object): string {
    const { folder } = start({ flags: ['--version'] })
    const file = join(folder, 'terminal.yml')
    writeFileSync(file, stringify(config))
    return file
  }

  test('a progress line that is gone at the end, and colours', async () => {
    const { screen, ended } = onTerminal(['check', '--config.file', fileOf(mixed(true))])
    expect(await ended).toBe(1)
    expect(screen()).toContain('0 of 4 checked, waiting for orders-db, cache, payments, search')
    expect(screen().lastIndexOf(`\r${esc}[2K`)).toBe(screen().indexOf('NAME') - `\r${esc}[2K`.length)
    expect(screen()).toContain(`${esc}[32mup    ${esc}[39m`)
    expect(screen()).toContain(`${esc}[31mdown  ${esc}[39m`)
  })

  test('no colour with NO_COLOR', async () => {
    const { screen, ended } = onTerminal(['check', '--config.file', fileOf(mixed(true))], { NO_COLOR: '1' })
    await ended
    expect(screen()).toContain('NAME')
    expect(screen()).not.toContain(`${esc}[3`)
  })

  test('Ctrl-C: 130, and the line is cleared', async () => {
    const server = await silent()
    const terminal = onTerminal(['check', '--config.file', fileOf(hanging(server.port))])
    await until(() => server.open.size === 1 && terminal.screen().includes('waiting for a'), 'a check hangs')
    terminal.type('\x03')
    expect(await terminal.ended).toBe(130)
    expect(terminal.screen().endsWith(`\r${esc}[2K`)).toBe(true)
    await until(() => server.open.size === 0, 'nothing is left')
  })
})
