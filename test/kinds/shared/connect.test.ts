import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { type ConnectOptions, connect } from '../../../src/kinds/shared/connect.ts'
import { interleave } from '../../../src/kinds/shared/dial.ts'
import { failureOf } from '../../../src/schedule/reason.ts'
import { checkContext } from '../../support/context.ts'
import { type ByteServer, closedPort, serve, until } from '../../support/net.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

interface Call extends Partial<ConnectOptions> {
  readonly port: number
  /** What the name resolves to. */
  readonly addresses?: readonly string[]
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A connection, destroyed after the test, with the phases that it told. */
async function open({ addresses, timeoutMs = 5_000, signal, ...options }: Call) {
  const resolve = addresses
    ? async () => addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    : undefined
  const { context, trace } = checkContext({
    timeoutMs,
    ...(resolve && { resolve }),
    ...(signal && { signal }),
  })
  const socket = await connect({ host: 'two.example', ...options }, context)
  closers.push(() => socket.destroy())
  return { socket, phases: Object.keys(trace.read().phases) }
}

async function server(talk: (socket: Socket) => void = () => {}): Promise<ByteServer> {
  const one = await serve(talk)
  closers.push(one.close)
  return one
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter(name => /^TCP/.test(name)).length
}

/** An address whose accept queue is full: the kernel drops whoever comes, until it is freed. */
async function fullBacklog(address: string, port: number): Promise<() => void> {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const code = `
    const { parentPort, workerData: { gate, address, port } } = require('node:worker_threads')
    const server = require('node:net').createServer(() => {})
    server.listen({ host: address, port, backlog: 1 }, () => {
      parentPort.postMessage('listening')
      setImmediate(() => Atomics.wait(gate, 0, 0))
    })`
  const worker = new Worker(code, { eval: true, workerData: { gate, address, port } })
  closers.push(() => worker.terminate())
  await once(worker, 'message')
  const fillers = Array.from({ length: 6 }, () => connectTcp({ host: address, port }).on('error', () => {}))
  closers.push(() => fillers.forEach(filler => void filler.destroy()))
  await until(
    () => fillers.filter(filler => filler.connecting).length > 0 && fillers.some(f => !f.connecting),
    'the queue is full',
  )
  return () => {
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
  }
}

describe('addresses', () => {
  test('the second is tried when the first is refused', async () => {
    const { port } = await server()
    const { socket } = await open({ port, addresses: ['127.0.0.2', '127.0.0.1'] })
    expect(socket.remoteAddress).toBe('127.0.0.1')
  })

  test('the second is tried beside the first when that one is silent', async () => {
    const { port } = await server()
    await fullBacklog('127.0.0.2', port)
    const before = performance.now()
    const { socket } = await open({ port, addresses: ['127.0.0.2', '127.0.0.1'], timeoutMs: 1_000 })
    expect(socket.remoteAddress).toBe('127.0.0.1')
    expect(performance.now() - before).toBeLessThan(1_000)
  })

  test('one that is merely slow is not given up for those after it', async () => {
    const { port } = await server()
    const free = await fullBacklog('127.0.0.2', port)
    await fullBacklog('127.0.0.3', port)
    const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.3', '127.0.0.3', '127.0.0.3']
    const opening = open({ port, addresses, timeoutMs: 4_000 })
    // The kernel sends the lost packet again after one second.
    free()
    expect((await opening).socket.remoteAddress).toBe('127.0.0.2')
  })

  test('the last of many is reached, however many before it are silent', async () => {
    const { port } = await server()
    await fullBacklog('127.0.0.2', port)
    const addresses = [...Array.from({ length: 150 }, () => '127.0.0.2'), '127.0.0.1']
    const before = sockets()
    // Of both ends of the connection that is made.
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, sockets() - before)
    }, 5)
    const { socket } = await open({ port, addresses, timeoutMs: 5_000 })
    clearInterval(watch)
    expect(socket.remoteAddress).toBe('127.0.0.1')
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(64 + 1)
    await until(() => sockets() - before <= 2, 'the other attempts are gone')
  })

  test('200 of them refused are all tried', async () => {
    const port = await closedPort()
    const addresses = Array.from({ length: 200 }, (_, i) => `127.0.1.${i + 1}`)
    const failure = await open({ port, addresses }).catch(error => error)
    expect(failure.errors).toHaveLength(200)
    expect(failureOf(failure)).toMatchObject({
      detail: 'ECONNREFUSED',
      message: expect.stringContaining('127.0.1.1:'),
    })
  })

  // A broadcast address is without a route for TCP, as IPv6 is on a machine that has IPv4 alone.
  test('an address without a route does not hide what another says', async () => {
    const port = await closedPort()
    const failure = await open({ port, addresses: ['255.255.255.255', '127.0.0.1'] }).catch(failureOf)
    expect(failure).toMatchObject({ detail: 'ECONNREFUSED' })
  })

  test('a name without any address is dns_error', async () => {
    expect(await open({ port: 1, addresses: [] }).catch(failureOf)).toMatchObject({
      reason: 'dns_error',
      detail: 'ENODATA',
      message: 'two.example has no address',
    })
  })

  test.each([
    ['ipv4', '127.0.0.1'],
    ['ipv6', '::1'],
    ['any', '::1'],
  ] as const)('ipFamily %s dials %s', async (ipFamily, address) => {
    const { port } = await server()
    const six = createServer(socket => socket.on('error', () => {}))
    six.listen(port, '::1')
    await once(six, 'listening')
    closers.push(() => six.close())
    const { socket } = await open({ port, ipFamily, addresses: ['::1', '127.0.0.1'] })
    expect(socket.remoteAddress).toBe(address)
  })

  test('a name without an address of the family is dns_error', async () => {
    const failure = await open({ port: 1, ipFamily: 'ipv6', addresses: ['127.0.0.1'] }).catch(failureOf)
    expect(failure).toMatchObject({ detail: 'ENODATA', message: 'two.example has no IPv6 address' })
  })

  test.each([
    ['4a 4b 6a 6b 6c', '4a 6a 4b 6b 6c'],
    ['6a 6b 4a', '6a 4a 6b'],
    ['4a 4b', '4a 4b'],
  ])('%s are dialled as %s', (given, order) => {
    const addresses = given.split(' ').map(address => ({ address, family: Number(address[0]) }))
    expect(
      interleave(addresses)
        .map(({ address }) => address)
        .join(' '),
    ).toBe(order)
  })

  test('all of them refused is the refusal of the first', async () => {
    const port = await closedPort()
    const failure = await open({ port, addresses: ['127.0.0.1', '127.0.0.2'] }).catch(failureOf)
    expect(failure).toMatchObject({ reason: 'connection_error', detail: 'ECONNREFUSED' })
  })

  test('IPv6 works', async () => {
    const six = createServer(socket => socket.on('error', () => {}))
    six.listen(0, '::1')
    await once(six, 'listening')
    closers.push(() => six.close())
    const { port } = six.address() as { port: number }
    const { socket, phases } = await open({ host: '::1', port })
    expect(socket.remoteAddress).toBe('::1')
    expect(phases).toEqual(['connect'])
  })

  test('a name has a phase of its own', async () => {
    const { port } = await server()
    expect((await open({ host: 'localhost', port })).phases).toEqual(['dns', 'connect'])
  })
})

describe('abort', () => {
  test('while the name resolves', async () => {
    const controller = new AbortController()
    const { context, trace } = checkContext({
      signal: controller.signal,
      resolve: () => new Promise<never>(() => {}),
    })
    const opening = connect({ host: 'stuck.example', port: 1 }, context)
    controller.abort(new Error('enough'))
    await expect(opening).rejects.toThrow('enough')
    expect(trace.phase()).toBe('dns')
  })

  test('while it connects', async () => {
    const { port } = await server()
    await fullBacklog('127.0.0.2', port)
    const controller = new AbortController()
    const opening = open({ port, addresses: ['127.0.0.2'], signal: controller.signal })
    setImmediate(() => controller.abort())
    await expect(opening).rejects.toThrow()
  })

  test('before it begins', async () => {
    const silent = await server()
    await expect(
      open({ host: '127.0.0.1', port: silent.port, signal: AbortSignal.abort() }),
    ).rejects.toThrow()
    await until(() => silent.open.size === 0, 'nothing stays open')
  })

  test('once it is connected', async () => {
    const silent = await server()
    const controller = new AbortController()
    const { socket } = await open({ host: '127.0.0.1', port: silent.port, signal: controller.signal })
    controller.abort()
    expect(socket.destroyed).toBe(true)
    await until(() => silent.open.size === 0, 'nothing stays open')
  })
})

test('an error after the check has no listener to crash without', async () => {
  const rude = await server(socket => setImmediate(() => socket.resetAndDestroy()))
  const { socket } = await open({ host: '127.0.0.1', port: rude.port })
  await new Promise(resolve => socket.resume().once('close', resolve))
  expect(socket.errored).toMatchObject({ code: 'ECONNRESET' })
})
