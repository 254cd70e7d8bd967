/** Requests sent ahead on one connection. */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { until } from '../../support/net.ts'
import { read, serving, world } from '../serving.ts'

const get = (path: string, extra = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${extra}\r\n`

/** A world that counts how often it was asked whether it is alive. */
function counting() {
  const w = world()
  let asked = 0
  const probes = {
    ...w.probes,
    alive: () => {
      asked++
      return true
    },
  }
  return { monitor: { ...w.monitor, probes }, asked: () => asked }
}

describe('a client that sends without end is cut before its requests cost anything', () => {
  test.each([
    ['answered at once', '/healthz'],
    ['routed', '/healthz?'],
  ])('%s', async (_name, path) => {
    const { monitor, asked } = counting()
    await using server = await serving(monitor, { limits: { pipelined: 4 } })
    const socket = connect(server.port, '127.0.0.1')
    const failed = new Promise<NodeJS.ErrnoException>(resolve => socket.once('error', resolve))
    socket.write(get(path).repeat(2_000))
    socket.resume()
    expect((await failed).code).toMatch(/ECONNRESET|EPIPE/)
    expect(asked()).toBeLessThanOrEqual(4)
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  })

  test('those that wait behind another answer cost nothing until it is their turn', async () => {
    const { monitor, asked } = counting()
    const work = Promise.withResolvers<{ ok: true }>()
    let reloading = false
    const reload = () => {
      reloading = true
      return work.promise
    }
    await using server = await serving({ ...monitor, reload }, { limits: { pipelined: 4 } })
    const socket = connect(server.port, '127.0.0.1')
    const answer = read(socket.on('error', () => {}))
    const slow = 'POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.write(slow + get('/healthz?') + get('/healthz') + get('/livez?', 'Connection: close\r\n'))
    await until(() => reloading, 'the first request is worked on')
    expect(asked()).toBe(0)
    work.resolve({ ok: true })
    expect((await answer).match(/HTTP\/1\.1 200/g)).toHaveLength(4)
    expect(asked()).toBe(3)
  })
})

test('as many as the limit says are answered in order, again and again', async () => {
  await using server = await serving(world().monitor)
  const socket = connect(server.port, '127.0.0.1')
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  for (let round = 1; round <= 5; round++) {
    socket.write(get('/livez').repeat(8) + get('/nowhere').repeat(8))
    await until(() => [...text.matchAll(/HTTP\/1/g)].length === 16 * round, 'all are answered')
  }
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  const round = [...Array(8).fill('200'), ...Array(8).fill('404')]
  expect(statuses).toEqual([...round, ...round, ...round, ...round, ...round])
  socket.destroy()
})

test('nothing is answered after an answer that closes the connection', async () => {
  const { monitor, asked } = counting()
  await using server = await serving(monitor)
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`${get('/healthz?', 'Content-Length: 5\r\n')}xxxxx${get('/healthz?')}${get('/healthz')}`)
  expect((await read(socket)).match(/HTTP\/1\.1 /g)).toHaveLength(1)
  expect(asked()).toBe(1)
})
