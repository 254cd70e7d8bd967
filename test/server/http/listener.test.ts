import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultLimits, type Limits } from '../../../src/server/http/limits.ts'
import { until } from '../../support/net.ts'
import { exchange, read, type Serving, serving, world } from '../serving.ts'

const short: Partial<Limits> = { headersMs: 200, requestMs: 300, lookMs: 50, silenceMs: 150, idleMs: 200 }

test('the defaults close slow senders within 6 seconds and slow readers within 10', () => {
  const { headersMs, requestMs, lookMs, silenceMs, handshakeMs } = defaultLimits
  expect(headersMs).toBeLessThanOrEqual(requestMs)
  expect(requestMs + lookMs).toBeLessThanOrEqual(6_000)
  expect(2 * silenceMs).toBeLessThanOrEqual(10_000)
  expect(handshakeMs).toBeLessThanOrEqual(6_000)
})

describe('hostile bytes', () => {
  let server: Serving
  beforeAll(async () => {
    server = await serving(world().monitor)
  })
  afterAll(() => server.server.close(0))

  const get = (extra: string, path = '/healthz') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${extra}\r\n`
  const many = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: y\r\n`).join('')

  test.each([
    ['two hosts', get('Host: y\r\n'), 400],
    ['two hosts, spelled differently', get('hOST: x\r\n'), 400],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /healthz\r\n\r\n', 400],
    ['HTTP/2 in the request line', 'GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n', 505],
    ['asterisk, but not OPTIONS', get('', '*'), 400],
    ['a target that is neither path nor URL', get('', 'healthz'), 400],
    ['an absolute target of another scheme', get('', 'ftp://x/healthz'), 400],
    ['an expectation that nobody knows', get('Expect: miracles\r\n'), 417],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['65 headers', get(many(64)), 400],
    ['1500 headers', get(many(1_500)), 431],
    ['64 headers', get(`${many(62)}Connection: close\r\n`), 200],
    ['9 KB of URL', get('', `/${'a'.repeat(9_000)}`), 431],
    ['9 KB in one header', get(`x: ${'a'.repeat(9_000)}\r\n`), 431],
    ['length and chunked', get('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'), 400],
    ['two lengths', get('Content-Length: 1\r\nContent-Length: 2\r\n'), 400],
    ['negative length', get('Content-Length: -1\r\n'), 400],
    ['length with a sign', get('Content-Length: +5\r\n'), 400],
    ['unknown transfer encoding', get('Transfer-Encoding: xchunked\r\n'), 400],
    ['space before the colon', get('Connection : close\r\n'), 400],
    ['folded header', get('x: a\r\n b\r\n'), 400],
    ['NUL', get('x: a\0b\r\n'), 400],
    ['bare CR', get('x: a\rb\r\n'), 400],
    ['unknown method', 'FROB / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['TLS hello', Buffer.from('16030100a5010000a1', 'hex').toString('latin1'), 400],
    ['nothing but garbage', '\x00\x01\x02\r\n\r\n', 400],
  ])('%s', async (_name, bytes, status) => {
    const answer = await exchange(server.port, Buffer.from(bytes, 'latin1'))
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(answer).toMatch(/\r\ncache-control: no-store\r\n/)
    expect(answer).not.toMatch(/HPE_|Error:|aaaa|\n {4}at /)
  })

  const closing = 'Connection: close\r\n'
  test.each([
    ['a body on GET is not waited for', get('Content-Length: 1000\r\n'), 200],
    ['nor a chunked one', get('Transfer-Encoding: chunked\r\n'), 200],
    ['POST where GET is', 'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n', 405],
    [
      'POST of JSON, unparsed',
      'POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      404,
    ],
    ['TRACE', `TRACE / HTTP/1.1\r\nHost: x\r\n${closing}\r\n`, 405],
    ['PROPFIND', `PROPFIND /readyz HTTP/1.1\r\nHost: x\r\n${closing}\r\n`, 405],
    ['DELETE of a dependency', `DELETE /readyz/cache HTTP/1.1\r\nHost: x\r\n${closing}\r\n`, 405],
    ['Upgrade is ignored', get('Upgrade: websocket\r\nConnection: upgrade, close\r\n'), 200],
    ['HTTP/1.0 without host', 'GET /healthz HTTP/1.0\r\n\r\n', 200],
    ['absolute URL', get(closing, 'http://evil/healthz'), 200],
    ['absolute URL without a path', `DELETE http://evil HTTP/1.1\r\nHost: x\r\n${closing}\r\n`, 405],
    ['absolute URL of nothing we have', get(closing, 'HTTP://evil/healthz/evil?a'), 404],
    [
      'who asks to go on is not waited for',
      'POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
      404,
    ],
    ['asterisk', `OPTIONS * HTTP/1.1\r\nHost: x\r\n${closing}\r\n`, 404],
    ['bad percent', get(closing, '/%'), 400],
    ['bad percent in a name', get(closing, '/readyz/%zz'), 400],
    ['encoded slash', get(closing, '/readyz/a%2Fb'), 404],
    ['overlong name', get(closing, `/readyz/${'a'.repeat(200)}`), 414],
    ['double slash', get(closing, '//healthz'), 404],
    ['dots', get(closing, '/../../etc/passwd'), 404],
    ['script in the path', get(closing, '/<script>alert(1)</script>'), 404],
    ['__proto__', get(closing, '/__proto__'), 404],
    ['odd version constraint', get(`Accept-Version: 9\r\n${closing}`), 200],
  ])('%s: %s', async (_name, bytes, status) => {
    const answer = await exchange(server.port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).not.toMatch(/script|aaaa|evil|passwd|FST_|\n {4}at /)
    expect(answer.match(/HTTP\/1.1 /g)).toHaveLength(1)
  })

  test('CONNECT is closed without an answer', async () => {
    expect(await exchange(server.port, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('')
  })

  test('pipelined requests are answered in order', async () => {
    const answer = await exchange(server.port, get('') + get('', '/nowhere') + get(closing, '/livez'))
    expect([...answer.matchAll(/HTTP\/1.1 (\d+)/g)].map(match => match[1])).toEqual(['200', '404', '200'])
  })
})

describe('slow clients', () => {
  test.each([
    ['nothing at all', ''],
    ['half a line', 'GET /hea'],
    ['headers without end', 'GET /healthz HTTP/1.1\r\nHost: x\r\n'],
  ])('%s: closed, and answered 408 or not at all', async (_name, bytes) => {
    await using server = await serving(world().monitor, { limits: { ...short, silenceMs: 5_000 } })
    expect(await exchange(server.port, bytes)).toMatch(/^HTTP\/1.1 408 /)
  })

  test('a header that drips in is cut by the total, not by silence', async () => {
    await using server = await serving(world().monitor, { limits: short })
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nx: ')
    const dripping = setInterval(() => socket.write('a'), 20)
    expect(await read(socket)).toMatch(/^(HTTP\/1.1 408 |$)/)
    clearInterval(dripping)
  })

  test('a body that never comes', async () => {
    await using server = await serving(world({ reload: async () => ({ ok: true }) }).monitor, {
      limits: short,
    })
    const head = 'POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n'
    expect(await exchange(server.port, head)).toMatch(/^HTTP\/1.1 200 /)
  })

  const endless = function* () {
    const piece = Buffer.alloc(64 * 1024, 'x')
    for (;;) yield piece
  }

  test('readers that stop are cut off, their bodies let go of, and probes go on meanwhile', async () => {
    let [begun, released] = [0, 0]
    const metrics = async () => {
      begun += 1
      const release = () => {
        released += 1
      }
      return { contentType: 'text/plain', contentLength: 2 ** 40, body: endless(), release }
    }
    await using server = await serving(world({ scrape: metrics }).monitor, { limits: short })
    const readers = Array.from({ length: 20 }, () => {
      const socket = connect(server.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
      return socket.pause()
    })
    await until(() => begun === readers.length, 'every reader is being answered')
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    await until(() => released === readers.length, 'every body is let go of')
    for (const socket of readers) socket.destroy()
  })

  test('an answer that is read and never ends is cut by its total time', async () => {
    let isReleased = false
    const release = () => {
      isReleased = true
    }
    const metrics = async () => ({
      contentType: 'text/plain',
      contentLength: 2 ** 40,
      body: endless(),
      release,
    })
    await using server = await serving(world({ scrape: metrics }).monitor, {
      limits: { ...short, answerMs: 400 },
    })
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    await read(socket)
    await until(() => isReleased, 'the body is let go of')
  })

  test('who waits for our own work is not called silent', async () => {
    const work = Promise.withResolvers<{ ok: true }>()
    await using server = await serving(world({ reload: () => work.promise }).monitor, { limits: short })
    const answer = fetch(`${server.url}/-/reload`, { method: 'POST' })
    setTimeout(() => work.resolve({ ok: true }), 4 * 150)
    expect((await answer).status).toBe(200)
  })
})

describe('many connections', () => {
  const opened = (port: number) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    return socket.resume()
  }

  test('more than come in one moment wait to be accepted', async () => {
    await using server = await serving(world().monitor)
    const sockets = Array.from({ length: 900 }, () => opened(server.port))
    // All have sent their SYN now, and nobody has had a turn to accept: what is connected was queued by the system.
    await new Promise<void>(resolve => process.nextTick(resolve))
    const here = `:${server.port.toString(16).toUpperCase().padStart(4, '0')}`
    const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n')
    const connected = rows.filter(row => {
      const [, , remote = '', state] = row.trim().split(/\s+/)
      return remote.endsWith(here) && state === '01'
    })
    for (const socket of sockets) socket.destroy()
    expect(connected).toHaveLength(900)
  })

  test('the oldest that waits for nothing goes; the newcomer is served', async () => {
    await using server = await serving(world().monitor, { limits: { connections: 10 } })
    const sockets: Socket[] = []
    for (let i = 0; i < 10; i++) {
      const socket = opened(server.port)
      sockets.push(socket)
      await once(socket, 'connect')
    }
    expect((await fetch(`${server.url}/healthz`, { headers: { connection: 'close' } })).status).toBe(200)
    await until(() => sockets[0]!.closed, 'the oldest is closed')
    expect(sockets.slice(2).some(socket => socket.closed)).toBe(false)
    for (const socket of sockets) socket.destroy()
  })

  test('one that is being answered stays; if all are, the oldest goes, for the newcomer may be a probe', async () => {
    const work = Promise.withResolvers<{ ok: true }>()
    let waiting = 0
    const reload = () => {
      waiting++
      return work.promise
    }
    await using server = await serving(world({ reload }).monitor, { limits: { connections: 3 } })
    const ask = async () => {
      const before = waiting
      const answer = exchange(server.port, 'POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      await until(() => waiting > before, 'it waits')
      return answer
    }
    const probe = () => exchange(server.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const answers = [ask(), ask()]
    await until(() => waiting === 2, 'both wait')
    const idle = opened(server.port)
    await once(idle, 'connect')
    expect(await probe()).toMatch(/^HTTP\/1.1 200 /)
    await until(() => idle.closed, 'who waits for nothing goes first')
    answers.push(ask())
    await until(() => waiting === 3, 'all three wait')
    expect(await probe()).toMatch(/^HTTP\/1.1 200 /)
    work.resolve({ ok: true })
    expect((await Promise.all(answers)).map(answer => answer.slice(0, 12))).toEqual([
      '',
      'HTTP/1.1 200',
      'HTTP/1.1 200',
    ])
  })
})

describe('many connections of one client', () => {
  const from = (port: number, localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    return socket.resume()
  }

  test('cost that client its own, and no one else theirs', async () => {
    await using server = await serving(world().monitor, { limits: { connections: 10 } })
    const other = from(server.port, '127.0.0.2')
    await once(other, 'connect')
    const greedy: Socket[] = []
    for (let i = 0; i < 30; i++) {
      const socket = from(server.port, '127.0.0.3')
      await once(socket, 'connect')
      greedy.push(socket)
    }
    other.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(await read(other)).toMatch(/^HTTP\/1\.1 200 /)
    await until(() => greedy.filter(socket => socket.closed).length >= 20, 'the oldest are closed')
    expect(greedy.at(-1)!.closed).toBe(false)
    for (const socket of greedy) socket.destroy()
  })
})

describe('probes on an address of their own', () => {
  test('are answered there, and nothing else is', async () => {
    await using server = await serving(world().monitor, { probesListen: [{ host: '127.0.0.1', port: 0 }] })
    const url = `http://127.0.0.1:${server.probesPort}`
    const paths = [
      '/healthz',
      '/livez',
      '/readyz',
      '/readyz?verbose',
      '/readyz/cache',
      '/-/ready',
      '/startupz',
    ]
    for (const path of paths)
      expect([path, (await fetch(url + path)).headers.get('allow')]).toEqual([path, null])
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/healthz?`)).status).toBe(200)
    expect((await fetch(`${url}/readyz?verbose`)).status).toBe(503)
    expect((await fetch(`${url}/healthz`, { method: 'POST' })).status).toBe(405)
    for (const path of [
      '/',
      '/metrics',
      '/health',
      '/config',
      '/-/events',
      '/-/page/main.js',
      '/-/reload',
      '/readyzz',
    ])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404])
    const raw = 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    expect(await exchange(server.probesPort, raw)).toMatch(/\r\ncache-control: no-store\r\n/)
  })

  test('have connections of their own', async () => {
    await using server = await serving(world().monitor, {
      probesListen: [{ host: '127.0.0.1', port: 0 }],
      limits: { connections: 3, probeConnections: 2 },
    })
    const kubelet = connect(server.probesPort, '127.0.0.1')
    await once(kubelet, 'connect')
    const flood = Array.from({ length: 20 }, () => connect(server.port, '127.0.0.1').on('error', () => {}))
    await Promise.all(flood.map(socket => once(socket, 'connect')))
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    kubelet.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(await read(kubelet)).toMatch(/^HTTP\/1\.1 200 /)
    for (const socket of flood) socket.destroy()
  })
})

describe('close', () => {
  test('idle and silent connections end at once, whatever the grace', async () => {
    const { server, port } = await serving(world().monitor, { limits: { idleMs: 60_000 } })
    const idle = connect(port, '127.0.0.1')
    idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(idle, 'data')
    const silent = connect(port, '127.0.0.1')
    await once(silent, 'connect')
    const ended = [idle, silent].map(socket => once(socket.on('error', () => {}).resume(), 'close'))
    await server.close(60_000)
    await Promise.all(ended)
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
  })

  test('an answer on its way ends, and says that the connection closes', async () => {
    const work = Promise.withResolvers<{ ok: true }>()
    let asked = false
    const reload = () => {
      asked = true
      return work.promise
    }
    const { server, port } = await serving(world({ reload }).monitor)
    const socket = connect(port, '127.0.0.1')
    socket.write('POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n')
    await until(() => asked, 'the request is in')
    const closed = server.close(60_000)
    work.resolve({ ok: true })
    expect(await read(socket)).toMatch(/^HTTP\/1.1 200 .*reloaded\n$/s)
    await closed
  })

  test('a client that keeps asking on one connection is told to go', async () => {
    const work = Promise.withResolvers<{ ok: true }>()
    const { server, port } = await serving(world({ reload: () => work.promise }).monitor)
    const socket = connect(port, '127.0.0.1')
    const get = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.write(`${get}POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n${get}${get}`)
    await once(socket, 'data')
    const closed = server.close(60_000)
    work.resolve({ ok: true })
    await closed
    socket.destroy()
  })

  test('what is left after the grace is cut', async () => {
    let asked = false
    const reload = () => {
      asked = true
      return new Promise<never>(() => {})
    }
    const { server, port } = await serving(world({ reload }).monitor)
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n')
    const answer = read(socket)
    await until(() => asked, 'the request is in')
    await server.close(100)
    expect(await answer).toBe('')
    await server.close(100)
  })
})
