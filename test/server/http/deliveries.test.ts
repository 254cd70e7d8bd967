/** Clients that do not read, beside clients that do. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { ExpositionResponse } from '../../../src/exposition/exposition.ts'
import type { Limits } from '../../../src/server/http/limits.ts'
import type { ServerSettings } from '../../../src/server/server.ts'
import { createAuthority } from '../../support/certificates.ts'
import { until } from '../../support/net.ts'
import { serving, world } from '../serving.ts'

const opened: Socket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy()
})

/** What no socket's buffers take. */
const large = Buffer.alloc(16 * 2 ** 20, 'x')

type Metrics = () => Promise<ExpositionResponse>

const buffered: Metrics = async () => ({
  contentType: 'text/plain',
  contentLength: large.length,
  body: large,
})

/** Each answer holds memory of its own. */
const copied: Metrics = async () => ({ ...(await buffered()), shares: {} })

function* piecesOf(bytes: Buffer, size = 65_536): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const inPieces: Metrics = async () => ({
  contentType: 'text/plain',
  contentLength: large.length,
  body: piecesOf(large),
  shares: large,
})

interface Paused {
  readonly socket: Socket
  /** Whether its connection was reset; it notices only when it writes. */
  isReset(): boolean
}

/** Clients that ask and do not read, from one address, once all of them are being answered. */
async function pausedReaders(port: number, count: number, from: string): Promise<readonly Paused[]> {
  const readers: Paused[] = []
  for (let i = 0; i < count; i++) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    opened.push(socket)
    let code = ''
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? ''
    })
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    // One byte shows that the answer has begun; then nothing more is read.
    await new Promise<void>(resolve => {
      socket.once('readable', () => {
        socket.read(1)
        resolve()
      })
    })
    readers.push({
      socket,
      isReset() {
        socket.write('\r\n')
        return code === 'ECONNRESET' || code === 'EPIPE'
      },
    })
  }
  return readers
}

/** The body's length as an honest client gets it. */
async function bytesOf(url: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } })
  expect(response.status).toBe(200)
  return (await response.arrayBuffer()).byteLength
}

const patient: Partial<Limits> = { silenceMs: 60_000, answerMs: 60_000, stallMs: 20 }
const serve = (metrics: Metrics, limits: Partial<Limits>, settings: Partial<ServerSettings> = {}) =>
  serving(world({ scrape: metrics }).monitor, { ...settings, limits: { ...patient, ...limits } })

describe.each([
  ['a buffer', buffered],
  ['pieces', inPieces],
])('%s', (_name, metrics) => {
  test('more paused readers than there is room for do not keep an honest one from its answer', async () => {
    await using server = await serve(metrics, { deliveries: 6 })
    const readers = await pausedReaders(server.port, 12, '127.0.0.1')
    expect(await bytesOf(server.url)).toBe(large.length)
    await until(
      () => readers.slice(0, 6).every(reader => reader.isReset()),
      'those that stood still longest are reset',
    )
    expect(readers.filter(reader => reader.isReset()).length).toBeLessThanOrEqual(7)
  })
})

test('a client that does not read is sent what the sockets take, and no more', async () => {
  let taken = 0
  const body = (function* () {
    for (const piece of piecesOf(large)) {
      taken += piece.length
      yield piece
    }
  })()
  await using server = await serve(async () => ({ ...(await inPieces()), body }), {})
  await pausedReaders(server.port, 1, '127.0.0.1')
  let before = -1
  await until(() => {
    const isStill = taken === before
    before = taken
    return isStill
  }, 'it is sent no more')
  expect(taken).toBeLessThan(large.length)
})

test('the event loop turns between two writes, even for a client that takes everything at once', async () => {
  const takenInTurn = [0]
  let counting = setImmediate(function count() {
    takenInTurn.push(0)
    counting = setImmediate(count)
  })
  const body = (function* () {
    for (const piece of piecesOf(large)) {
      takenInTurn[takenInTurn.length - 1]! += piece.length
      yield piece
    }
  })()
  await using server = await serve(async () => ({ ...(await inPieces()), body }), {})
  expect(await bytesOf(server.url)).toBe(large.length)
  clearImmediate(counting)
  expect(Math.max(...takenInTurn)).toBeLessThanOrEqual(2 ** 20)
})

test('who has most gives way, not who came first', async () => {
  await using server = await serve(buffered, { deliveries: 6 })
  const [slow] = await pausedReaders(server.port, 1, '127.0.0.2')
  const greedy = await pausedReaders(server.port, 12, '127.0.0.3')
  expect(await bytesOf(server.url)).toBe(large.length)
  await until(() => greedy.filter(reader => reader.isReset()).length >= 7, 'the greedy ones give way')
  expect(slow!.isReset()).toBe(false)
})

test('one client has a bound of its own', async () => {
  await using server = await serve(buffered, { deliveriesPerClient: 2, stallMs: 0 })
  const [other] = await pausedReaders(server.port, 1, '127.0.0.2')
  const before = await pausedReaders(server.port, 2, '127.0.0.3')
  const [latest] = await pausedReaders(server.port, 1, '127.0.0.3')
  await until(() => before.some(reader => reader.isReset()), 'one of its two is reset')
  expect([...before, latest!, other!].filter(reader => reader.isReset())).toHaveLength(1)
  expect(latest!.isReset()).toBe(false)
})

test('what is held is bounded in bytes; what is shared counts once', async () => {
  const limits = { unsentBytes: 2.5 * large.length, deliveriesPerClient: 100, stallMs: 0 }
  await using sharing = await serve(buffered, limits)
  const sharers = await pausedReaders(sharing.port, 10, '127.0.0.1')
  expect(await bytesOf(sharing.url)).toBe(large.length)
  expect(sharers.some(reader => reader.isReset())).toBe(false)
  await using copying = await serve(copied, limits)
  const holders = await pausedReaders(copying.port, 2, '127.0.0.1')
  expect(await bytesOf(copying.url)).toBe(large.length)
  await until(() => holders.some(reader => reader.isReset()), 'one of them is reset')
  expect(holders.filter(reader => reader.isReset())).toHaveLength(1)
})

test('twice as much is never held, though nobody has stood still yet', async () => {
  const limits = { unsentBytes: 2.5 * large.length, deliveriesPerClient: 100, stallMs: 60_000 }
  await using server = await serve(copied, limits)
  const readers = await pausedReaders(server.port, 8, '127.0.0.1')
  await until(() => readers.filter(reader => reader.isReset()).length >= 3, 'three of eight are reset')
  expect(await bytesOf(server.url)).toBe(large.length)
})

test('an answer larger than all that may be held is served beside one like it', async () => {
  await using server = await serve(copied, { unsentBytes: 1, stallMs: 0 })
  const [reader] = await pausedReaders(server.port, 1, '127.0.0.1')
  expect(await bytesOf(server.url)).toBe(large.length)
  expect(reader!.isReset()).toBe(false)
})

test('under TLS too, a reader that is cut is reset', async () => {
  const authority = createAuthority()
  const { certPem, keyPem } = authority.issue()
  const tls = {
    cert: certPem,
    key: keyPem,
    clientAuth: 'NoClientCert',
    clientSans: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    preferServerCiphers: true,
  } as const
  const web = { users: new Map(), headers: {}, tls }
  await using server = await serve(buffered, { deliveries: 1 }, { web })
  const ask = () => {
    const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
    opened.push(socket)
    socket.on('error', () => {})
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    return socket
  }
  const paused = ask()
  const failed = new Promise<NodeJS.ErrnoException>(resolve => paused.once('error', resolve))
  await new Promise<void>(resolve => {
    paused.once('readable', () => resolve())
  })
  const honest = ask()
  let read = 0
  honest.on('data', chunk => {
    read += chunk.length
  })
  await until(() => read > large.length, 'the honest one has its answer')
  const writing = setInterval(() => paused.write('\r\n'), 10)
  expect((await failed).code).toMatch(/ECONNRESET|EPIPE/)
  clearInterval(writing)
  authority.remove()
})

describe('honest clients are left alone', () => {
  test('one that reads slowly, but reads, beside a flood of paused ones', async () => {
    await using server = await serve(buffered, { deliveries: 8 })
    const slow = connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    opened.push(slow)
    slow.write('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let bytes = 0
    let code = ''
    slow.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? ''
    })
    slow.on('data', chunk => {
      bytes += chunk.length
      slow.pause()
      setTimeout(() => slow.resume(), 1)
    })
    const flood = pausedReaders(server.port, 60, '127.0.0.3')
    await until(() => slow.closed, 'it has read everything', 20_000)
    await flood
    expect([code, bytes > large.length]).toEqual(['', true])
  })

  test('a browser with six connections and many scrapers at once', async () => {
    const body = large.subarray(0, 2 ** 20)
    const metrics = async () => ({ ...(await buffered()), contentLength: body.length, body })
    await using server = await serve(metrics, { stallMs: 1_000 })
    const all = await Promise.all(Array.from({ length: 24 }, () => bytesOf(server.url)))
    expect(new Set(all)).toEqual(new Set([body.length]))
  })
})
