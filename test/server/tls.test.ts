import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { get, type RequestOptions } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/server/index.ts'
import { defaultLimits } from '../../src/server/limits.ts'
import { listen } from '../../src/server/listener.ts'
import { type ClientAuthType, createTls, type TlsSettings } from '../../src/server/tls.ts'
import { createAuthority } from '../support/certificates.ts'
import { until } from '../support/net.ts'
import { exchange, read, serving, world } from './serving.ts'

const authority = createAuthority()
const stranger = createAuthority('Stranger')
const [own, next] = [authority.issue(), authority.issue()]
const client = authority.issue({ names: ['scraper.example'] })
const foreign = stranger.issue({ names: ['scraper.example'] })
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-tls-'))
afterAll(() => {
  authority.remove()
  stranger.remove()
  rmSync(folder, { recursive: true })
})

const settings: TlsSettings = {
  cert: { text: own.certPem },
  key: { text: own.keyPem },
  clientCa: { text: authority.caPem },
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
    await using server = await serving(world().sources, tls({ clientAuth }))
    const { port } = server
    expect([await ask(port), await ask(port, good), await ask(port, wrong)]).toEqual(expected)
  })

  test('allowed names', async () => {
    const strict = { clientAuth: 'RequireAndVerifyClientCert' } as const
    await using listed = await serving(world().sources, tls({ ...strict, clientSans: ['scraper.example'] }))
    expect(await ask(listed.port, good)).toBe(200)
    await using unlisted = await serving(
      world().sources,
      tls({ ...strict, clientSans: ['example', 'other'] }),
    )
    expect(await ask(unlisted.port, good)).toBe('refused')
  })
})

test('versions outside the bounds are refused', async () => {
  await using server = await serving(world().sources, tls({ minVersion: 'TLSv1.3' }))
  expect(await ask(server.port, { maxVersion: 'TLSv1.2' })).toBe('refused')
  expect(await ask(server.port, { minVersion: 'TLSv1.3' })).toBe(200)
})

test('plain HTTP on the TLS port, and a handshake that never ends, are closed', async () => {
  await using server = await serving(world().sources, { ...tls({}), limits: { handshakeMs: 200 } })
  expect(await exchange(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).not.toMatch(/HTTP\/1.1 [25]/)
  const socket = connectTcp(server.port, '127.0.0.1')
  expect(await read(socket)).toBe('')
  expect(await ask(server.port)).toBe(200)
})

test('closing does not wait for a handshake', async () => {
  const { server, port } = await serving(world().sources, tls({}))
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

describe('files that change while we run', () => {
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  const install = (pair: typeof own) => {
    writeFileSync(`${cert}.new`, pair.certPem)
    renameSync(`${cert}.new`, cert)
    copyFileSync(pair.keyFile, key)
  }
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

  test('a new pair is taken over; a broken one leaves the last good one, told once', async () => {
    install(own)
    const warnings: string[] = []
    const logger = { warn: (_fields: object, message: string) => void warnings.push(message) }
    const following = createTls({ ...settings, cert: { file: cert }, key: { file: key } }, logger, 20)
    const answer = { status: 200, headers: {}, headerList: [], body: '' }
    const options = { handle: () => {}, atOnce: () => answer, limits: defaultLimits, tls: following }
    const listener = await listen({ host: '127.0.0.1', port: 0 }, options)
    const { port } = listener.address
    const first = await serial(port)
    install(next)
    await until(async () => (await serial(port)) !== first, 'the new certificate is presented')
    const second = await serial(port)
    writeFileSync(key, '')
    await until(() => warnings.some(message => message.includes('the last good one stays in use')), 'told')
    expect(await serial(port)).toBe(second)
    const told = warnings.length
    rmSync(cert)
    await until(() => warnings.length > told, 'told again, for it changed again')
    expect(await serial(port)).toBe(second)
    install(own)
    await until(async () => (await serial(port)) === first, 'good files are taken over again')
    await listener.close(0)
  })
})

test('a certificate that cannot be used is told at the start', async () => {
  const web = tls({ key: { text: next.keyPem } }).web
  await expect(
    createServer(world().sources, { listen: [{ host: '127.0.0.1', port: 0 }], web }).start(),
  ).rejects.toThrow()
})
