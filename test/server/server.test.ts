import { once } from 'node:events'
import { createServer as createTcp } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { ListenError } from '../../src/server/http/listener.ts'
import { createServer } from '../../src/server/server.ts'
import { listen } from '../support/net.ts'
import { serving, world } from './serving.ts'

const ipv6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))

describe('start', () => {
  test('several addresses, each with its own free port', async () => {
    const address = { host: '127.0.0.1', port: 0 }
    const server = createServer(world().monitor, { listen: [address, address] })
    const ports = (await server.start()).map(({ port }) => port)
    expect(new Set(ports).size).toBe(2)
    for (const port of ports) expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
    await server.close(0)
    for (const port of ports) await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
  })

  test('without a host: all addresses', async () => {
    await using server = await serving(world().monitor, { listen: [{ port: 0 }] })
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    if (ipv6) expect((await fetch(`http://[::1]:${server.port}/healthz`)).status).toBe(200)
  })

  test.runIf(ipv6)('an IPv6 address', async () => {
    await using server = await serving(world().monitor, { listen: [{ host: '::1', port: 0 }] })
    expect((await fetch(`http://[::1]:${server.port}/healthz`)).status).toBe(200)
  })

  test('all or nothing: an address in use gives the others back, and says so in one line', async () => {
    const taken = createTcp()
    const port = await listen(taken)
    const free = createTcp()
    const freePort = await listen(free)
    free.close()
    await once(free, 'close')
    const addresses = [
      { host: '127.0.0.1', port: freePort },
      { host: '127.0.0.1', port },
    ]
    const failed = createServer(world().monitor, { listen: addresses }).start()
    await expect(failed).rejects.toThrow(ListenError)
    await expect(failed).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `cannot listen on 127.0.0.1:${port}: the address is in use (EADDRINUSE)`,
    })
    await expect(fetch(`http://127.0.0.1:${freePort}/healthz`)).rejects.toThrow()
    taken.close()
  })

  test.each([
    [
      { host: '203.0.113.1', port: 0 },
      /^cannot listen on 203.0.113.1:0: this machine has no such address \(EADDRNOTAVAIL\)$/,
    ],
    [{ host: 'nobody.invalid', port: 1 }, /^cannot listen on nobody.invalid:1: .*\((ENOTFOUND|EAI_AGAIN)\)$/],
  ])('%j', async (address, message) => {
    await expect(createServer(world().monitor, { listen: [address] }).start()).rejects.toThrow(message)
  })

  test('closing before the start, and twice', async () => {
    const server = createServer(world().monitor, { listen: [] })
    await server.close(0)
    await server.close(0)
  })
})

test('an allow list with a mistake is told before anything listens', () => {
  expect(() => createServer(world().monitor, { listen: [], allow: ['10.0.0.0/99'] })).toThrow(TypeError)
})

test('the headers of the web config go with every answer', async () => {
  const headers = { 'Strict-Transport-Security': 'max-age=1', 'X-Content-Type-Options': 'nosniff' }
  await using server = await serving(world().monitor, { web: { users: new Map(), headers } })
  for (const path of ['/healthz', '/readyz?verbose', '/metrics', '/nowhere']) {
    const answer = await fetch(server.url + path)
    expect(answer.headers.get('strict-transport-security')).toBe('max-age=1')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  }
})

test('the page links to what there is, and may load nothing', async () => {
  await using server = await serving(world({ config: () => ({}) }).monitor, { metricsPath: '/m' })
  const page = await fetch(server.url)
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none';/)
  const links = [...(await page.text()).matchAll(/href="([^"]+)"/g)].map(match => match[1])
  expect(links).toContain('./m')
  for (const link of links) expect((await fetch(new URL(link!, server.url))).status).toBeOneOf([200, 503])
})
