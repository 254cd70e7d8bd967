/**
 * What the contract of a kind must carry without a change to it: sketches of what may come, as small as they can be. Those
 * of a function, a program, UDP and HTTP/2 are run as a kind is.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { connect } from '../../src/kinds/shared/connect.ts'
import { host, port, secretText } from '../../src/kinds/shared/options.ts'
import { parseDependency } from '../../src/model/definition.ts'
import {
  type CheckContext,
  CheckError,
  type CheckResult,
  type DependencyDefinition,
} from '../../src/model/dependency.ts'
import { isSame } from '../../src/model/identity.ts'
import { type DependencyOptions, defineKind } from '../../src/model/kind.ts'
import { createMonitor } from '../../src/monitor.ts'
import { type AskOptions, askOnce } from '../../src/schedule/ask.ts'
import { createStalls, createSystemClock } from '../../src/schedule/clock.ts'
import { createResolver } from '../../src/schedule/resolve.ts'
import { fractionOf } from '../../src/schedule/timetable.ts'
import { kindContract } from '../kinds/contract.ts'
import { check } from '../support/check.ts'
import { listen } from '../support/net.ts'

function asking(): AskOptions {
  const clock = createSystemClock()
  return { clock, stalls: createStalls(clock), resolve: createResolver().resolve }
}

async function ask({ kind, options }: DependencyOptions): Promise<CheckResult> {
  const { outcome, settled } = askOnce(parseDependency('sketch', kind, options), asking())
  await settled
  return (await outcome) as CheckResult
}

describe('a check function of the application', () => {
  type CheckFunction = (context: CheckContext) => Promise<void>
  const ofFunction = defineKind({
    name: 'check',
    options: z.strictObject({
      run: z.custom<CheckFunction>(value => typeof value === 'function').describe('The function.'),
    }),
    target: ({ run }) => run.name || 'function',
    open: ({ run }) => ({ check: run }),
  })
  const check = (run: CheckFunction, settings: Omit<Parameters<typeof ofFunction>[0], 'run'> = {}) =>
    ofFunction({ run, ...settings })

  test('reports numbers, and whatever it throws has a reason', async () => {
    expect(await ask(check(async ({ measure }) => measure('depth', 3)))).toMatchObject({
      ok: true,
      measurements: { depth: 3 },
    })
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    expect(await ask(check(() => Promise.reject(refused)))).toMatchObject({ reason: 'connection_error' })
    expect(await ask(check(() => Promise.reject(new Error('bug'))))).toMatchObject({ reason: 'error' })
  })

  test('has a deadline of its own, and an abort', async () => {
    const hang: CheckFunction = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    expect(await ask(check(hang, { timeout: '50ms' }))).toMatchObject({ reason: 'timeout', durationMs: 50 })
  })

  test('is another dependency when it is another function', () => {
    const identity = ({ kind, options }: DependencyOptions) => parseDependency('a', kind, options).identity
    const [one, other] = [async () => {}, async () => {}]
    expect(isSame(identity(check(one)), identity(check(one)))).toBe(true)
    expect(isSame(identity(check(one)), identity(check(other)))).toBe(false)
  })

  test('is typed', () => {
    expectTypeOf(check).parameter(0).toEqualTypeOf<CheckFunction>()
    // @ts-expect-error an option that is misspelt
    check(async () => {}, { interal: '5s' })
  })
})

describe("a program's exit code", () => {
  const program = defineKind({
    name: 'program',
    options: z.strictObject({
      command: z.string().min(1).describe('The program.'),
      args: z.array(secretText).default([]).describe('Its arguments.'),
    }),
    failures: { 'exit_*': ['unhealthy', 'The program ended with this code.', 'Run it by hand.'] },
    target: ({ command }) => command,
    open: ({ command, args }) => ({
      async check({ signal }) {
        const given = args.map(arg => arg.reveal())
        const child = spawn(command, given, { stdio: 'ignore', signal, killSignal: 'SIGKILL' })
        let failure: Error | undefined
        child.on('error', error => {
          failure = error
        })
        const code = await new Promise<number | null>(resolve => child.once('close', resolve))
        if (failure !== undefined) throw failure
        if (code !== 0) throw new CheckError('unhealthy', `exit_${code}`, `ended with code ${code}`)
      },
    }),
  })
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-program-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const node = (script: string, ...more: string[]) => ({
    command: process.execPath,
    args: ['-e', script, ...more],
  })
  const pidFile = join(folder, 'pid')
  const isRunning = () => {
    try {
      return process.kill(Number(readFileSync(pidFile, 'utf8')), 0)
    } catch {
      return false
    }
  }

  kindContract({
    kind: program,
    works: async () => ({ options: node(''), stop: async () => {} }),
    hangs: async () => ({
      options: node(
        'fs.writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1e6)',
        pidFile,
      ),
      hasHeard: isRunning,
      isAlone: () => !isRunning(),
      stop: async () => {},
    }),
    secretive: secret => node('process.exit(3)', secret),
  })

  test('is the detail', async () => {
    const { kind } = program({ command: 'node' })
    expect(await ask({ kind, options: node('process.exit(3)') })).toMatchObject({
      reason: 'unhealthy',
      detail: 'exit_3',
    })
  })
})

const place = z.strictObject({ host: host.describe('Host.'), port: port.describe('Port.') })

test('a kind over UDP', async () => {
  const echo = defineKind({
    name: 'echo',
    options: place,
    target: ({ host, port }) => `${host}:${port}`,
    open: ({ host, port }) => ({
      async check({ resolve, signal, enter }) {
        const [address] = await resolve(host)
        if (address === undefined) throw new CheckError('dns_error', 'ENODATA', 'no address')
        const socket = createSocket({ type: address.family === 6 ? 'udp6' : 'udp4', signal })
        try {
          enter('request')
          socket.connect(port, address.address)
          await once(socket, 'connect', { signal })
          socket.send('ping')
          await once(socket, 'message', { signal })
        } finally {
          if (!signal.aborted) socket.close()
        }
      },
    }),
  })
  const server = createSocket('udp4')
  server.on('message', (message, { port, address }) => server.send(message, port, address))
  onTestFinished(() => void server.close())
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const result = await ask(echo({ host: '127.0.0.1', port: server.address().port }))
  expect(result).toMatchObject({ ok: true })
  expect(Object.keys(result.phases)).toEqual(['request'])
})

test('a kind over HTTP/2', async () => {
  const ping = defineKind({
    name: 'ping',
    options: place,
    target: ({ host, port }) => `${host}:${port}`,
    open: options => ({
      async check(context) {
        const socket = await connect(options, context)
        const session = connectHttp2(`http://${options.host}`, { createConnection: () => socket })
        try {
          context.enter('request')
          await once(session, 'connect', { signal: context.signal })
          await new Promise<void>((resolve, reject) =>
            session.ping(error => (error === null ? resolve() : reject(error))),
          )
        } finally {
          session.destroy()
          socket.destroy()
        }
      },
    }),
  })
  const server = createHttp2Server()
  const port = await listen(server)
  onTestFinished(() => void server.close())
  expect(await ask(ping({ host: '127.0.0.1', port }))).toMatchObject({ ok: true })
})

test('a borrowed client is told apart by reference, asked through, and never closed', async () => {
  class Pool {
    readonly asked: string[] = []
    isClosed = false
    async query(sql: string) {
      this.asked.push(sql)
    }
    async end() {
      this.isClosed = true
    }
  }
  const lent = defineKind({
    name: 'lent',
    options: z.strictObject({ pool: z.instanceof(Pool).describe('The pool.') }),
    target: () => 'a pool of the application',
    open: ({ pool }) => ({ check: async () => await pool.query('SELECT 1') }),
  })
  const pool = new Pool()
  expect(await ask(lent({ pool }))).toMatchObject({ ok: true })
  expect([pool.asked, pool.isClosed]).toEqual([['SELECT 1'], false])
  const identity = (pool: Pool) => parseDependency('db', lent, { pool }).identity
  expect(isSame(identity(pool), identity(pool))).toBe(true)
  expect(isSame(identity(pool), identity(new Pool()))).toBe(false)
})

describe('a list of definitions', () => {
  const well = defineKind({
    name: 'well',
    options: z.strictObject({}),
    target: () => 'at hand',
    open: () => ({ check: async () => {} }),
  })
  const definitions = Array.from({ length: 50 }, (_, i) => parseDependency(`db-${i}`, well, {}))
  const names = (list: readonly DependencyDefinition[]) => list.map(({ dependency }) => dependency.name)

  test('is filtered for a shard', () => {
    const ofShard = (shard: number, shards: number) =>
      definitions.filter(({ dependency }) => Math.floor(shards * fractionOf(dependency.name)) === shard)
    const parts = [0, 1, 2].map(shard => ofShard(shard, 3))
    expect(new Set(parts.flatMap(names))).toEqual(new Set(names(definitions)))
    expect(parts.flat()).toHaveLength(definitions.length)
  })

  test('comes from discovery, and what stays keeps its state', async () => {
    /** Gives all of its dependencies whenever they change. */
    type Source = () => AsyncIterable<Readonly<Record<string, DependencyOptions>>>
    const discovery: Source = async function* () {
      yield { a: well({}), b: well({}) }
      yield { b: well({}), c: well({ interval: '5s' }) }
    }
    const monitor = createMonitor({ dependencies: {} })
    onTestFinished(() => monitor.stop())
    const seen: string[][] = []
    let kept: unknown
    for await (const found of discovery()) {
      kept = monitor.state.get('b')
      const list = Object.entries(found).map(([name, { kind, options }]) =>
        parseDependency(name, kind, options),
      )
      await monitor.apply(list)
      seen.push(monitor.state.snapshot().states.map(({ dependency }) => dependency.name))
    }
    expect(seen).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ])
    expect(monitor.state.get('b')).toBe(kept)
  })

  test('can be asked on demand, beside its schedule', async () => {
    const [one] = definitions
    if (one === undefined) throw new Error('nothing to ask')
    const { outcome, settled } = askOnce(one, asking())
    await settled
    expect(await outcome).toMatchObject({ ok: true })
  })

  test('is bridged into another registry as plain data', () => {
    const monitor = createMonitor({ dependencies: definitions })
    const gauges = monitor.state.snapshot().states.map(({ dependency, last }) => ({
      labels: { dependency: dependency.name, kind: dependency.kind },
      help: dependency.measurementHelp,
      values: last?.measurements ?? {},
    }))
    expect(JSON.parse(JSON.stringify(gauges))).toEqual(gauges)
    expect(gauges).toHaveLength(definitions.length)
  })
})

test('no test can see a failure that its kind does not declare', async () => {
  const kind = defineKind({
    name: 'rash',
    options: z.strictObject({}),
    target: () => 'nowhere',
    open: () => ({ check: () => Promise.reject(new CheckError('unhealthy', 'made_up', 'no')) }),
  })
  await expect(check(kind, {})).rejects.toThrow('rash does not declare the failure made_up (unhealthy)')
})
