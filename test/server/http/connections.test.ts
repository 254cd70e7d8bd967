import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { clientOf, createConnections } from '../../../src/server/http/connections.ts'
import { listen } from '../../support/net.ts'

const opened: Socket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy()
})

describe('where there is no room, the one that goes', () => {
  /** A full house at a clock of its own. */
  async function house(most: number) {
    let now = 0
    const connections = createConnections(most, 60_000, () => now)
    const server = createServer()
    const port = await listen(server)
    return {
      at(ms: number) {
        now = ms
      },
      /** The server's end of a connection from an address. */
      async add(localAddress: string): Promise<Socket> {
        const socket = connect({ port, host: '127.0.0.1', localAddress })
        const [accepted] = (await once(server, 'connection')) as [Socket]
        opened.push(
          socket.on('error', () => {}),
          accepted,
        )
        connections.add(accepted)
        return accepted
      },
      /** Begins an answer. @returns what ends it. */
      ask(socket: Socket): () => void {
        const response = Object.assign(new EventEmitter(), { socket }) as unknown as ServerResponse
        connections.startAnswer(response)
        return () => void response.emit('close')
      },
      [Symbol.asyncDispose]: async () => void server.close(),
    }
  }

  test('is the one that never asked, and not a visitor with two connections', async () => {
    await using full = await house(5)
    const page = await full.add('127.0.0.11')
    const events = await full.add('127.0.0.11')
    full.ask(page)()
    full.ask(events)
    const mute = [await full.add('127.7.0.1'), await full.add('127.7.0.2'), await full.add('127.7.0.3')]
    full.at(600)
    await full.add('127.7.0.4')
    expect([page, events, ...mute].map(socket => socket.destroyed)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ])
  })

  test('is not a newcomer that had no time to ask', async () => {
    await using full = await house(3)
    const scraper = await full.add('127.0.0.11')
    full.ask(scraper)()
    full.at(5_000)
    const newcomers = [await full.add('127.7.0.1'), await full.add('127.7.0.2')]
    await full.add('127.7.0.3')
    expect([scraper, ...newcomers].map(socket => socket.destroyed)).toEqual([true, false, false])
  })

  test('is of the client that has the most, whatever it does', async () => {
    await using full = await house(10)
    const idle = await full.add('127.0.0.11')
    const crowd: Socket[] = []
    for (let i = 0; i < 9; i++) crowd.push(await full.add('127.7.0.1'))
    for (const socket of crowd) full.ask(socket)
    full.at(5_000)
    await full.add('127.0.0.12')
    expect([idle, ...crowd].map(socket => socket.destroyed).indexOf(true)).toBe(1)
  })
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::FFFF:10.1.2.3', '10.1.2.3'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
  [undefined, ''],
])('%s is the client %s', (address, client) => {
  expect(clientOf(address)).toBe(client)
})
