import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, get, type RequestOptions } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import type { ClientAuthType, TlsSettings } from '../../../src/server/http/tls.ts'
import { createServer } from '../../../src/server/server.ts'
import { createAuthority } from '../../support/certificates.ts'
import { until } from '../../support/net.ts'
import { exchange, read, serving, world } from '../serving.ts'

const authority = createAuthority()
const stranger = createAuthority('Stranger')
const [own, next] = [authority.issue(), authority.issue()]
const client = authority.issue({ names: ['scraper.example'] })
const foreign = stranger.issue({ names: ['scraper.example'] })
afterAll(() => {
  authority.remove()
  stranger.remove()
})

const settings: TlsSettings = {
  cert: own.certPem,
  key: own.keyPem,
  clientCa: authority.caPem,
  clientAuth: 'NoClientCert',
  clientSans: [],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  preferServerCiphers: true,
}

/** The status of /healthz, or `refused`. */
function ask(port: number, options: RequestOptions = {}): Promise<number | 'refused'> {
  const { promise, resolve } = Promise.withResolvers<number | 'refused'>()
  const request = get({
    port,
    host: '127.0.0.1',
    path: '/healthz',
    ca: authority.caPem,
    agent: false,
    ...options,
  })
  request.on('response', response => resolve(response.resume().statusCode!))
  request.on('error', () => resolve('refused'))
  return promise
}

const tls = (changes: Partial<TlsSettings>) => ({
  web: { users: new Map(), headers: {}, tls: { ...settings, ...changes } },
})

describe('client certificates, by the names of exporter-toolkit', () => {
  const good = { cert: client.certPem, key: client.keyPem }
  const wrong = { cert: foreign.certPem, key: foreign.keyPem }
  test.each<[ClientAuthType, (number | 'refused')[]]>([
    ['NoClientCert', [200, 200, 200]],
    ['RequestClientCert', [200, 200, 200]],
    ['RequireAnyClientCert', ['refused', 200, 200]],
    ['VerifyClientCertIfGiven', [200, 200, 'refused']],
    ['RequireAndVerifyClientCert', ['refused', 200, 'refused']],
  ])('%s: none, good, foreign', async (clientAuth, expected) => {
    await using server = await serving(world().monitor, tls({ clientAuth }))
    const { port } = server
    expect([await ask(port), await ask(port, good), await ask(port, wrong)]).toEqual(expected)
  })

  test('allowed names', async () => {
    const strict = { clientAuth: 'RequireAndVerifyClientCert' } as const
    await using listed = await serving(world().monitor, tls({ ...strict, clientSans: ['scraper.example'] }))
    expect(await ask(listed.port, good)).toBe(200)
    await using unlisted = await serving(
      world().monitor,
      tls({ ...strict, clientSans: ['example', 'other'] }),
    )
    expect(await ask(unlisted.port, good)).toBe('refused')
  })
})

test('versions outside the bounds are refused', async () => {
  await using server = await serving(world().monitor, tls({ minVersion: 'TLSv1.3' }))
  expect(await ask(server.port, { maxVersion: 'TLSv1.2' })).toBe('refused')
  expect(await ask(server.port, { minVersion: 'TLSv1.3' })).toBe(200)
})

test('plain HTTP on the TLS port, and a handshake that never ends, are closed', async () => {
  await using server = await serving(world().monitor, { ...tls({}), limits: { handshakeMs: 200 } })
  expect(await exchange(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).not.toMatch(/HTTP\/1.1 [25]/)
  const socket = connectTcp(server.port, '127.0.0.1')
  expect(await read(socket)).toBe('')
  expect(await ask(server.port)).toBe(200)
})

test('closing does not wait for a handshake', async () => {
  const { server, port } = await serving(world().monitor, tls({}))
  const socket = connectTcp(port, '127.0.0.1')
  socket.write(Buffer.from('160301', 'hex'))
  await until(() => socket.readyState === 'open', 'connected')
  // Its bytes were not read, so the end may come as a reset.
  const ended = new Promise<boolean>(resolve =>
    socket.on('error', () => {}).once('close', () => resolve(true)),
  )
  socket.resume()
  await server.close(200)
  expect(await ended).toBe(true)
})

describe('settings that are replaced while we run', () => {
  const web = (changes: Partial<TlsSettings>) => tls(changes).web
  const serial = (port: number): Promise<string> => {
    const options: ConnectionOptions = { port, host: '127.0.0.1', ca: authority.caPem }
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
    return promise
  }

  test('a new pair is taken over; one that does not fit leaves the last good one', async () => {
    await using serve = await serving(world().monitor, tls({}))
    const first = await serial(serve.port)
    serve.server.setWeb(web({ cert: next.certPem, key: next.keyPem }))
    const second = await serial(serve.port)
    expect(second).not.toBe(first)
    expect(() => serve.server.setWeb(web({ key: '' }))).toThrow()
    expect(() => serve.server.setWeb(web({ cert: next.certPem }))).toThrow()
    expect(await serial(serve.port)).toBe(second)
    serve.server.setWeb(web({}))
    expect(await serial(serve.port)).toBe(first)
  })

  test('clients are judged by the new client_auth_type', async () => {
    await using serve = await serving(world().monitor, tls({}))
    const good = { cert: client.certPem, key: client.keyPem }
    expect(await ask(serve.port)).toBe(200)
    serve.server.setWeb(web({ clientAuth: 'RequireAndVerifyClientCert' }))
    expect([await ask(serve.port), await ask(serve.port, good)]).toEqual(['refused', 200])
    serve.server.setWeb(web({ clientAuth: 'RequireAnyClientCert' }))
    const other = { cert: foreign.certPem, key: foreign.keyPem }
    expect([await ask(serve.port), await ask(serve.port, other)]).toEqual(['refused', 200])
    serve.server.setWeb(web({}))
    expect(await ask(serve.port)).toBe(200)
  })

  test('TLS is neither turned off nor on', async () => {
    const plain = { users: new Map(), headers: { 'X-Frame-Options': 'deny' } }
    await using encrypted = await serving(world().monitor, tls({}))
    expect(() => encrypted.server.setWeb(plain)).toThrow('restart')
    expect(await ask(encrypted.port)).toBe(200)
    await using open = await serving(world().monitor, { web: plain })
    expect(() => open.server.setWeb(web({}))).toThrow('restart')
    expect((await fetch(`${open.url}/healthz`)).headers.get('x-frame-options')).toBe('deny')
    open.server.setWeb({ users: new Map(), headers: {} })
    expect((await fetch(`${open.url}/healthz`)).headers.get('x-frame-options')).toBe(null)
  })
})

describe('a verified client certificate opens the details where nobody else is named', () => {
  const good = { cert: client.certPem, key: client.keyPem, path: '/health' }
  const wrong = { cert: foreign.certPem, key: foreign.keyPem, path: '/health' }
  // Not from loopback: a header tells of a proxy.
  const elsewhere = { headers: { via: '1.1 proxy' } }
  test.each<[ClientAuthType, (number | 'refused')[]]>([
    ['RequestClientCert', [403, 403, 403]],
    ['RequireAnyClientCert', ['refused', 403, 403]],
    ['VerifyClientCertIfGiven', [403, 200, 'refused']],
    ['RequireAndVerifyClientCert', ['refused', 200, 'refused']],
  ])('%s: none, good, foreign', async (clientAuth, expected) => {
    await using server = await serving(world().monitor, tls({ clientAuth }))
    const { port } = server
    const none = await ask(port, { path: '/health', ...elsewhere })
    expect([
      none,
      await ask(port, { ...good, ...elsewhere }),
      await ask(port, { ...wrong, ...elsewhere }),
    ]).toEqual(expected)
  })
})

describe('what a certificate proved before does not count', () => {
  const asked = { path: '/health', headers: { via: '1.1 proxy' } }

  test('of a session that is resumed without one', async () => {
    await using server = await serving(world().monitor, tls({ clientAuth: 'VerifyClientCertIfGiven' }))
    const options: ConnectionOptions = { port: server.port, host: '127.0.0.1', ca: authority.caPem }
    const first = connect(options).resume()
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    let isReused = false
    const resumed = connect({ ...options, session }, () => {
      isReused = resumed.isSessionReused()
    })
    resumed.write('GET /health HTTP/1.1\r\nHost: x\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n')
    expect(await read(resumed)).toMatch(/^HTTP\/1.1 403/)
    expect(isReused).toBe(true)
  })

  test('of a connection that was accepted before certificates were verified', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    await using serve = await serving(world().monitor, tls({ clientAuth: 'RequireAnyClientCert' }))
    const unverified = { ...asked, agent, cert: foreign.certPem, key: foreign.keyPem }
    expect(await ask(serve.port, unverified)).toBe(403)
    serve.server.setWeb(tls({ clientAuth: 'VerifyClientCertIfGiven' }).web)
    expect(await ask(serve.port, unverified)).toBe(403)
    expect(await ask(serve.port, { ...unverified, agent: false })).toBe('refused')
  })
})

test('over TLS any host name will do for the details, since the certificate settles it', async () => {
  await using server = await serving(world().monitor, tls({}))
  const request = { path: '/health', servername: 'localhost', headers: { host: 'status.example' } }
  expect(await ask(server.port, request)).toBe(200)
})

test('of a certificate with a name that needs quotes, no name counts', async () => {
  const clientAuth = 'RequireAndVerifyClientCert'
  await using server = await serving(world().monitor, tls({ clientAuth, clientSans: ['scraper.example'] }))
  const forged = authority.issue({ names: ['x, DNS:y', 'scraper.example'] })
  expect(new X509Certificate(forged.leafPem).subjectAltName).toMatch(/^DNS:".*", DNS:scraper.example$/)
  expect(await ask(server.port, { cert: forged.certPem, key: forged.keyPem })).toBe('refused')
  expect(await ask(server.port, { cert: client.certPem, key: client.keyPem })).toBe(200)
})

test('a certificate that cannot be used is told at the start', async () => {
  const web = tls({ key: next.keyPem }).web
  await expect(
    createServer(world().monitor, { listen: [{ host: '127.0.0.1', port: 0 }], web }).start(),
  ).rejects.toThrow()
})
