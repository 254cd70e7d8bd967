/**
 * No secret in any output: a different canary in every place that can hold one, every endpoint and the log at debug
 * level, under failures of every sort, and then a search for each canary in every spelling.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { type ByteServer, closedPort, serve, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'

const places = [
  'pgUrlPassword',
  'pgPassword',
  'pgEnv',
  'pgFile',
  'redisUrlPassword',
  'redisPassword',
  'redisSentinelPassword',
  'httpUserinfo',
  'httpQuery',
  'hookToken',
  'hookPadded',
  'httpHeader',
  'httpBearer',
  'httpBasic',
  'httpBody',
  'tcpSend',
  'pgUrlBadPort',
  'pgUrlQuestionMark',
  'redisUrlHash',
  'httpUrlSlash',
] as const
type Place = (typeof places)[number]

/** Awkward on purpose: quotes, percent, a slash and a space all have other spellings elsewhere. */
const canary = (place: Place) => `k4n4r-${place}-'"%/ +#é`
const canaries = Object.fromEntries(places.map(place => [place, canary(place)])) as Record<Place, string>
const encoded = (place: Place) => encodeURIComponent(canaries[place])

/** Header values take no other characters. */
const ascii = (place: Place) => `k4n4r-${place}-0123456789`

/** Says back whatever it is told, as a hostile or a chatty server does, in the form of each protocol. */
const echoes = {
  redis: (heard: string) => `-ERR I heard ${heard.replaceAll(/[\r\n]+/g, ' ')}\r\n`,
  http: (heard: string) =>
    `HTTP/1.1 500 ${heard.split('\r\n')[0]}\r\nx-heard: ${heard.replaceAll(/[\r\n]+/g, ' ')}\r\ncontent-length: 3\r\n\r\nno!`,
  raw: (heard: string) => heard,
}

let program: Program
let outputs: string
const servers: ByteServer[] = []

async function echo(form: keyof typeof echoes): Promise<number> {
  const server = await serve(socket => socket.on('data', data => socket.end(echoes[form](String(data)))))
  servers.push(server)
  return server.port
}

beforeAll(async () => {
  const [closed, redisPort, httpPort, rawPort] = [
    await closedPort(),
    await echo('redis'),
    await echo('http'),
    await echo('raw'),
  ]
  const { keyPem, certPem } = createAuthority().issue({ names: ['localhost'] })
  const config = {
    defaults: { interval: '300ms', timeout: '250ms', failureThreshold: 1 },
    dependencies: {
      'pg-url': `postgres://user:${encoded('pgUrlPassword')}@127.0.0.1:${rawPort}/orders`,
      'pg-closed': `postgres://user:${encoded('pgUrlPassword')}@127.0.0.1:${closed}/orders`,
      'pg-fields': {
        kind: 'postgres',
        host: '127.0.0.1',
        port: rawPort,
        user: 'user',
        password: canaries.pgPassword,
        database: 'orders',
      },
      'pg-env': {
        kind: 'postgres',
        host: '127.0.0.1',
        port: closed,
        user: 'user',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference that the config resolves.
        password: '${PG_SECRET}',
        database: 'orders',
      },
      'pg-file': {
        kind: 'postgres',
        host: '127.0.0.1',
        port: closed,
        user: 'user',
        passwordFile: 'secret.txt',
        database: 'orders',
      },
      'redis-url': `redis://user:${encoded('redisUrlPassword')}@127.0.0.1:${redisPort}`,
      'redis-fields': { kind: 'redis', host: '127.0.0.1', port: redisPort, password: canaries.redisPassword },
      'redis-sentinel': {
        kind: 'redis',
        sentinel: {
          name: 'main',
          nodes: [`127.0.0.1:${redisPort}`],
          password: canaries.redisSentinelPassword,
        },
      },
      'http-url': `http://user:${encoded('httpUserinfo')}@127.0.0.1:${httpPort}/health?token=${encoded('httpQuery')}`,
      'http-closed': `http://user:${encoded('httpUserinfo')}@127.0.0.1:${closed}/health?token=${encoded('httpQuery')}`,
      'http-hook': `http://127.0.0.1:${httpPort}/hook?${encoded('hookToken')}`,
      'http-hook-padded': `http://127.0.0.1:${httpPort}/hook?${encoded('hookPadded')}==`,
      'http-hook-closed': `http://127.0.0.1:${closed}/hook?a&${encoded('hookToken')}&b=1`,
      'http-auth': {
        kind: 'http',
        url: `http://127.0.0.1:${httpPort}/`,
        method: 'POST',
        headers: { 'x-key': ascii('httpHeader') },
        bearerToken: ascii('httpBearer'),
        body: canaries.httpBody,
      },
      'http-basic': {
        kind: 'http',
        url: `http://127.0.0.1:${httpPort}/`,
        basicAuth: { username: 'user', password: canaries.httpBasic },
      },
      'tcp-send': {
        kind: 'tcp',
        host: '127.0.0.1',
        port: rawPort,
        send: canaries.tcpSend,
        expect: { matches: 'never' },
      },
      'tls-key': { kind: 'http', url: `https://127.0.0.1:${rawPort}/`, tls: { cert: certPem, key: keyPem } },
    },
  }
  const env = { PG_SECRET: canaries.pgEnv, DEBUG: '*' }
  program = await startProgram({
    config,
    env,
    flags: ['--log.level', 'debug', '--web.enable-lifecycle'],
    files: { 'secret.txt': `${canaries.pgFile}\n` },
  })
  const total = Object.keys(config.dependencies).length
  await until(
    async () =>
      Object.values((await program.health()).dependencies).filter(({ checks }) => checks >= 2).length ===
      total,
    'every dependency was checked twice',
  )
  const paths = [
    '/metrics',
    '/health',
    '/config',
    '/readyz',
    '/readyz?verbose',
    '/',
    '/healthz',
    '/startupz',
    '/readyz/pg-url',
    '/nowhere',
  ]
  const answers = await Promise.all(paths.map(async path => (await program.get(path)).text))
  const openMetrics = await program.get('/metrics', { accept: 'application/openmetrics-text;version=1.0.0' })
  const healthJson = await program.get('/health', { accept: 'application/health+json' })
  const refused = [
    `  a: { kind: postgres, url: "postgres://u:${encoded('pgUrlPassword')}@h:badport/x", pasword: ${JSON.stringify(canaries.pgPassword)} }`,
    `  b: "postgres://u:${encoded('pgUrlBadPort')}@h:99999/x"`,
    `  c: "postgres://u:12?${encoded('pgUrlQuestionMark')}@h/x"`,
    `  d: "redis://u:12#${encoded('redisUrlHash')}@h"`,
    `  e: "http://u:p/${encoded('httpUrlSlash')}@h"`,
  ]
  writeFileSync(join(program.folder, 'pulsecheck.yml'), `dependencies:\n${refused.join('\n')}\n`)
  const reload = await fetch(`${program.url}/-/reload`, { method: 'POST' }).then(answer => answer.text())
  program.child.kill('SIGTERM')
  await program.ended
  const { stdout, stderr } = program.output()
  outputs = [...answers, openMetrics.text, healthJson.text, reload, stdout, stderr].join('\n')
})
afterAll(async () => {
  await program.remove()
  await Promise.all(servers.map(server => server.close()))
})

test('the outputs are those of failures', () => {
  expect(outputs).toContain('dependency is down')
  expect(outputs).toContain('msg=check')
  expect(outputs).toContain('"<secret>"')
  expect(outputs).toContain('/hook?<secret>')
  expect(outputs).toContain('the port is out of range')
  for (const name of ['pg-url', 'redis-fields', 'http-auth', 'tcp-send', 'tls-key'])
    expect(outputs).toContain(name)
})

test.each(places)('%s is in no output', place => {
  const spellings = [
    `k4n4r-${place}`,
    canaries[place],
    encoded(place),
    JSON.stringify(canaries[place]).slice(1, -1),
    Buffer.from(canaries[place]).toString('base64').slice(0, -4),
    Buffer.from(`user:${canaries[place]}`).toString('base64').slice(0, -4),
  ]
  for (const spelling of spellings)
    expect(outputs.includes(spelling), `${spelling} in the outputs`).toBe(false)
})

test('a private key is in no output', () => {
  expect(outputs).not.toContain('PRIVATE KEY')
})
