import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { defaultLimits } from '../../../src/server/http/limits.ts'
import { createFeed, type FeedTimes, feedTimes, maxStreams } from '../../../src/server/page/feed.ts'
import { dependency } from '../../support/dependency.ts'
import { listen, until } from '../../support/net.ts'
import { type World, world } from '../serving.ts'

const fast: FeedTimes = { lookMs: 10, beatMs: 50, lifeMs: 60_000, patienceMs: 200 }
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

interface Message {
  readonly id: string
  readonly rows: readonly { readonly name: string; readonly status: string }[]
  readonly names?: readonly string[]
  readonly draining: boolean
}

/** A feed behind a real server; `/<id>` reads on from that id. */
async function serveFeed(w: Pick<World, 'monitor'>, times: Partial<FeedTimes> = {}) {
  const feed = createFeed(w.monitor.board, { ...fast, ...times })
  const responses: ServerResponse[] = []
  const server = createServer((request, response) => {
    responses.push(response)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    feed.stream(response, request.url?.slice(1) ?? '', String(request.socket.remoteAddress))
  })
  const port = await listen(server)
  closing.push(async () => {
    feed.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { feed, port, responses }
}

/** Reads a stream in the background. */
async function read(port: number, id = '') {
  const messages: Message[] = []
  const response = await fetch(`http://127.0.0.1:${port}/${id}`)
  let text = ''
  const ended = (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, id, data] = /^id: (\S+)\ndata: (.*)$/.exec(block) ?? []
        if (data !== undefined) messages.push({ id, ...JSON.parse(data) })
      }
    }
  })()
  return { messages, ended }
}

const last = (messages: readonly Message[]) => messages.at(-1)!

test('all rows at once, then those that change, and a beat when none does', async () => {
  const w = world()
  const { port } = await serveFeed(w)
  const { messages } = await read(port)
  await until(() => messages.length > 0, 'a first event')
  expect(messages[0]).toMatchObject({
    names: ['orders-db', 'cache'],
    rows: [{ name: 'orders-db' }, { name: 'cache' }],
  })
  w.record('cache', true)
  await until(() => messages.some(({ rows }) => rows.length === 1), 'a change')
  expect(messages.find(({ rows }) => rows.length === 1)!.rows[0]).toMatchObject({
    name: 'cache',
    status: 'up',
  })
  await until(() => last(messages).rows.length === 0, 'a beat')
})

test('whoever comes back with an id reads on from there; an id of another process counts for nothing', async () => {
  const w = world()
  const { port } = await serveFeed(w)
  const first = await read(port)
  await until(() => first.messages.length > 0, 'a first event')
  const { id } = last(first.messages)
  w.record('cache', true)
  const [again, stranger] = [await read(port, id), await read(port, 'abcdefgh.999')]
  await until(() => again.messages.length > 0 && stranger.messages.length > 0, 'first events')
  expect(again.messages[0]?.rows.map(({ name }) => name)).toEqual(['cache'])
  expect(again.messages[0]?.names).toBeUndefined()
  expect(stranger.messages[0]?.rows).toHaveLength(2)
})

test('many rows come in several events', async () => {
  const w = world()
  for (let i = 0; i < 600; i++) w.store.put(dependency({ name: `d${i}` }))
  const { port } = await serveFeed(w)
  const { messages } = await read(port)
  await until(() => messages.flatMap(({ rows }) => rows).length === 602, 'all rows')
  expect(messages.length).toBeGreaterThan(2)
  expect(messages.flatMap(({ names = [] }) => names)).toHaveLength(602)
})

test('streams that begin at about the same time, even if each has left before the next, share what is written', async () => {
  const w = world()
  let written = 0
  const changes: World['monitor']['board']['changes'] = (...from) => {
    written++
    return w.monitor.board.changes(...from)
  }
  const { port, responses } = await serveFeed(
    { monitor: { ...w.monitor, board: { ...w.monitor.board, changes } } },
    { lookMs: 60_000 },
  )
  for (let i = 0; i < 5; i++) {
    const { messages, ended } = await read(port)
    await until(() => messages.flatMap(({ rows }) => rows).length === 2, 'all rows')
    responses[i]?.end()
    await ended
  }
  expect(written).toBe(1)
})

test('a stream ends after its life, which is shorter than what the listener lets an answer take', async () => {
  const { port } = await serveFeed(world(), { lifeMs: 30 })
  const { messages, ended } = await read(port)
  await ended
  expect(messages.length).toBeGreaterThan(0)
  expect(feedTimes.lifeMs + feedTimes.lookMs).toBeLessThan(defaultLimits.answerMs)
  expect(feedTimes.beatMs).toBeLessThan(2 * defaultLimits.silenceMs)
})

test('draining is told, and ends all streams for good', async () => {
  const w = world()
  const { feed, port } = await serveFeed(w)
  const { messages, ended } = await read(port)
  w.probes.drain()
  await ended
  expect(last(messages)).toMatchObject({ draining: true })
  expect(feed.refuses).toBe(true)
})

test('closing ends all streams', async () => {
  const { feed, port } = await serveFeed(world())
  const { ended } = await read(port)
  feed.close()
  await ended
  expect(feed.refuses).toBe(true)
})

test('a reader that does not read is dropped, and little is kept for it', async () => {
  const w = world()
  const message = 'x'.repeat(2_000)
  for (let i = 0; i < 200; i++)
    w.store.put(dependency({ name: `d${i}`, target: message, failureThreshold: 1 }))
  const { port, responses } = await serveFeed(w, { lookMs: 2 })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  let most = 0
  await until(() => {
    for (let i = 0; i < 200; i++) w.record(`d${i}`, false)
    most = Math.max(most, responses[0]?.writableLength ?? 0)
    return responses[0]?.destroyed === true
  }, 'it is dropped')
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThan(4_000_000)
  socket.destroy()
})

test('where there is no room, the oldest stream of the client that has the most gives way', async () => {
  const streams: { readonly response: ServerResponse; readonly client: string }[] = []
  const feed = createFeed(world().monitor.board, fast)
  const server = createServer((request, response) => {
    const client = request.url ?? ''
    streams.push({ response, client })
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    feed.stream(response, '', client)
  })
  const port = await listen(server)
  closing.push(async () => {
    feed.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  await fetch(`http://127.0.0.1:${port}/honest`)
  for (let i = 1; i < maxStreams; i++) await fetch(`http://127.0.0.1:${port}/greedy`)
  expect(streams.filter(({ response }) => response.writableEnded)).toEqual([])
  expect((await fetch(`http://127.0.0.1:${port}/third`)).status).toBe(200)
  expect(streams.filter(({ response }) => response.writableEnded)).toEqual([streams[1]])
})
