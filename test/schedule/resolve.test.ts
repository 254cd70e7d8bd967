import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { failureOf } from '../../src/schedule/reason.ts'
import { candidates, createResolver, type Resolver } from '../../src/schedule/resolve.ts'
import { parseResolvConf } from '../../src/schedule/surroundings.ts'
import { type Answer, encode, type NameServer, type Question, serveNames } from '../support/dns.ts'
import { closedPort, until } from '../support/net.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

async function names(answer: Answer): Promise<NameServer> {
  const server = await serveNames(answer)
  cleanUp.push(server.close)
  return server
}

/** A resolver with files of its own. Its clock makes it look at them before each lookup. */
function resolverOf(resolvConf: string, hosts = '') {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-names-'))
  const files = { resolvConf: join(folder, 'resolv.conf'), hosts: join(folder, 'hosts') }
  writeFileSync(files.resolvConf, resolvConf)
  writeFileSync(files.hosts, hosts)
  let clock = 0
  const resolver = createResolver({
    ...files,
    now: () => {
      clock += 1_000
      return clock
    },
  })
  cleanUp.push(() => rmSync(folder, { recursive: true }), resolver.close)
  return { ...resolver, files }
}

async function listen(answer: Answer, extra = ''): Promise<Resolver & { server: NameServer }> {
  const server = await names(answer)
  return { server, ...resolverOf(server.line + extra) }
}

const one: Answer = () => ({ addresses: ['192.0.2.1'] })
const failure = (promise: Promise<unknown>) =>
  promise.then(() => {
    throw new Error('it resolved')
  }, failureOf)
const askedNames = ({ questions }: NameServer) => [...new Set(questions.map(({ name }) => name))]

describe('without a name server', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1', 4],
    ['::1', '::1', 6],
    ['fe80::1%lo', 'fe80::1%lo', 6],
    ['127.1', '127.0.0.1', 4],
  ])('%s is an address', async (host, address, family) => {
    const { server, resolve } = await listen(one)
    expect(await resolve(host)).toEqual([{ address, family }])
    expect(server.questions).toEqual([])
  })

  test.each(['localhost', 'LocalHost.', 'db.localhost', 'db.localhost.'])('%s is loopback', async host => {
    const { resolve, server } = await listen(one)
    expect((await resolve(host)).map(({ address }) => address).sort()).toEqual(['127.0.0.1', '::1'])
    expect(server.questions).toEqual([])
  })

  test('localhost is what the hosts file says, as long as that is loopback', async () => {
    const listed = resolverOf('', '127.0.0.1 localhost\n')
    expect(await listed.resolve('localhost')).toEqual([{ address: '127.0.0.1', family: 4 }])
    const hijacked = resolverOf('', '192.0.2.7 localhost\n')
    expect(await hijacked.resolve('localhost')).not.toContainEqual({ address: '192.0.2.7', family: 4 })
  })

  test('the hosts file: comments, aliases, several addresses, any case, and read anew', async () => {
    const text = '# 192.0.2.9 db\n192.0.2.1\tdb DB.example # main\n192.0.2.2 db\nnonsense db\n'
    const { resolve, files } = resolverOf('', text)
    expect((await resolve('DB')).map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2'])
    expect((await resolve('db.example.')).map(({ address }) => address)).toEqual(['192.0.2.1'])
    writeFileSync(files.hosts, '192.0.2.3 db\n')
    expect((await resolve('db')).map(({ address }) => address)).toEqual(['192.0.2.3'])
  })

  test.each(['a..b', 'has space', `${'x'.repeat(64)}.example`, ''])('%j is no name', async host => {
    const { resolve } = await listen(one)
    expect(await failure(resolve(host))).toMatchObject({ reason: 'dns_error', detail: 'EBADNAME' })
  })
})

describe('answers', () => {
  test('both families are asked, and all addresses come', async () => {
    const { resolve } = await listen(() => ({ addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] }))
    const found = await resolve('db.example')
    expect(found.map(({ address }) => address).sort()).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1'])
    expect(found.find(({ address }) => address.includes(':'))?.family).toBe(6)
  })

  test.each([
    ['has no answer', () => undefined],
    ['fails', () => ({ rcode: 2 })],
    ['is denied', () => ({ rcode: 3 })],
    ['is empty', () => ({})],
  ])('one family is enough when the other %s', async (_, other: () => ReturnType<Answer>) => {
    for (const [type, address] of [
      ['A', '192.0.2.1'],
      ['AAAA', '2001:db8::1'],
    ] as const) {
      const { resolve } = await listen(question =>
        question.type === type ? { addresses: [address] } : other(),
      )
      expect((await resolve('db.example')).map(found => found.address)).toEqual([address])
    }
  })

  test('200 addresses, over UDP or TCP as the server likes', async () => {
    const addresses = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`)
    const { resolve, server } = await listen(({ transport }) =>
      transport === 'udp' ? { truncated: true } : { addresses },
    )
    expect(await resolve('many.example')).toHaveLength(200)
    expect(server.questions.some(({ transport }) => transport === 'tcp')).toBe(true)
  })

  test('more than 256 addresses are cut', async () => {
    const addresses = Array.from({ length: 400 }, (_, i) => `192.0.${i >> 8}.${i & 255}`)
    const { resolve } = await listen(({ transport }) =>
      transport === 'udp' ? { truncated: true } : { addresses },
    )
    expect(await resolve('many.example')).toHaveLength(256)
  })

  test('a moved record is seen at once', async () => {
    let address = '192.0.2.1'
    const { resolve } = await listen(() => ({ addresses: [address] }))
    expect(await resolve('db.example')).toEqual([{ address, family: 4 }])
    address = '192.0.2.2'
    expect(await resolve('db.example')).toEqual([{ address, family: 4 }])
  })

  test('an international name is asked in its ASCII form', async () => {
    const { resolve, server } = await listen(one)
    await resolve('bücher.example')
    expect(askedNames(server)).toEqual(['xn--bcher-kva.example'])
  })

  test('a slow answer counts, also of a server that is fast otherwise', async () => {
    const { resolve } = await listen(({ name }) => ({
      addresses: ['192.0.2.1'],
      delayMs: name === 'slow.example' ? 1_500 : 0,
    }))
    for (let i = 0; i < 20; i++) await resolve(`fast${i}.example`)
    expect(await resolve('slow.example')).toHaveLength(1)
  })

  test('a lost question is asked again', async () => {
    const lost = new Set<string>()
    const { resolve } = await listen(({ type }) => {
      if (lost.has(type)) return { addresses: ['192.0.2.1'] }
      lost.add(type)
      return undefined
    })
    expect(await resolve('db.example')).toHaveLength(1)
  })
})

describe('failures', () => {
  test.each([
    ['NXDOMAIN', { rcode: 3 }, 'ENOTFOUND'],
    ['no address', {}, 'ENODATA'],
    ['SERVFAIL', { rcode: 2 }, 'ESERVFAIL'],
    ['REFUSED', { rcode: 5 }, 'EREFUSED'],
    ['FORMERR', { rcode: 1 }, 'EFORMERR'],
    ['NOTIMP', { rcode: 4 }, 'ENOTIMP'],
  ])('%s', async (_, reply, detail) => {
    const { resolve } = await listen(() => reply)
    expect(await failure(resolve('db.example'))).toMatchObject({
      reason: 'dns_error',
      detail,
      message: expect.stringContaining('db.example'),
    })
  })

  test('of two families, the failure that leaves hope is told', async () => {
    const { resolve } = await listen(({ type }) => (type === 'A' ? { rcode: 2 } : {}))
    expect(await failure(resolve('db.example'))).toMatchObject({ detail: 'ESERVFAIL' })
  })

  test('nobody at the name server', async () => {
    const { resolve } = resolverOf(`nameserver [127.0.0.1]:${await closedPort()}\n`)
    expect(await failure(resolve('db.example'))).toMatchObject({
      reason: 'dns_error',
      detail: 'ECONNREFUSED',
    })
  })

  test('no descriptor left for a socket is our own fault', async () => {
    const server = await names(one)
    const { files } = resolverOf(server.line)
    expect(await runProgram(exhausted, files)).toBe('EMFILE\n')
  })

  const flipped = (at: number) => (question: Question) => {
    const reply = encode(question, { addresses: ['192.0.2.66'] })
    reply[at] = (reply[at] ?? 0) ^ 1
    return reply
  }
  test.each([
    ['too short', ({ bytes }: Question) => bytes.subarray(0, 5)],
    ['garbage', ({ bytes }: Question) => Buffer.concat([bytes.subarray(0, 2), Buffer.alloc(40, 0xff)])],
    ['a compression loop', (question: Question) => loop(question)],
  ])('an answer that is malformed: %s', async (_, answer) => {
    const { resolve } = await listen(answer)
    expect(await failure(resolve('db.example'))).toMatchObject({ reason: 'dns_error', detail: 'EBADRESP' })
  })

  test.each([
    ['another id', 0],
    ['another question', 14],
  ])('an answer with %s is none, and the right one counts', async (_, at) => {
    const seen = new Map<string, number>()
    const { resolve } = await listen(question => {
      const times = (seen.get(question.type) ?? 0) + 1
      seen.set(question.type, times)
      return times === 1 ? flipped(at)(question) : { addresses: ['192.0.2.1'] }
    })
    expect(await resolve('db.example')).toEqual([{ address: '192.0.2.1', family: 4 }])
  })
})

function loop(question: Question): Buffer {
  const head = encode(question, {})
  head.writeUInt16BE(1, 6)
  const pointer = Buffer.from([0xc0 | (head.length >> 8), head.length & 255])
  return Buffer.concat([head, pointer, Buffer.from([0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 6, 6, 6, 6])])
}

describe('several name servers', () => {
  test('the next one is asked when the first is silent, refuses, or is not there', async () => {
    const good = await names(one)
    const silent = await names(() => undefined)
    const failing = await names(() => ({ rcode: 2 }))
    const nobody = `nameserver [127.0.0.1]:${await closedPort()}\n`
    for (const first of [silent.line, failing.line, nobody])
      expect(await resolverOf(first + good.line).resolve('db.example')).toHaveLength(1)
  })

  test('the first one that denies the name settles it', async () => {
    const good = await names(one)
    const denying = await names(() => ({ rcode: 3 }))
    const { resolve } = resolverOf(denying.line + good.line)
    expect(await failure(resolve('db.example'))).toMatchObject({ detail: 'ENOTFOUND' })
    expect(good.questions).toEqual([])
  })
})

describe('the search list', () => {
  const kubernetes = 'search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n'

  test('expands a short name, in order, until one is known', async () => {
    const { resolve, server } = await listen(
      ({ name }) => (name === 'db.svc.cluster.local' ? { addresses: ['192.0.2.1'] } : { rcode: 3 }),
      kubernetes,
    )
    expect(await resolve('db')).toHaveLength(1)
    expect(askedNames(server)).toEqual(['db.default.svc.cluster.local', 'db.svc.cluster.local'])
  })

  test('a trailing dot leaves it out', async () => {
    const { resolve, server } = await listen(one, kubernetes)
    await resolve('db.example.')
    expect(askedNames(server)).toEqual(['db.example'])
  })

  test('a name that exists in no domain is unknown, unless a server failed on the way', async () => {
    const unknown = await listen(() => ({ rcode: 3 }), kubernetes)
    expect(await failure(unknown.resolve('db'))).toMatchObject({ detail: 'ENOTFOUND' })
    const failing = await listen(({ name }) => ({ rcode: name.startsWith('db.svc') ? 2 : 3 }), kubernetes)
    expect(await failure(failing.resolve('db'))).toMatchObject({ detail: 'ESERVFAIL' })
  })

  test.each([
    ['db', 1, ['db.a', 'db.b', 'db']],
    ['db.example', 1, ['db.example', 'db.example.a', 'db.example.b']],
    ['db.example', 2, ['db.example.a', 'db.example.b', 'db.example']],
    ['db', 0, ['db', 'db.a', 'db.b']],
  ])('%s with ndots:%i', (name, ndots, expected) => {
    expect(candidates(name, { search: ['a', 'b'], ndots })).toEqual(expected)
  })
})

describe('resolv.conf', () => {
  test.each([
    ['nameserver 10.0.0.1 # main\n; no\nnameserver ::1\n', { servers: ['10.0.0.1', '::1'] }],
    ['nameserver 10.0.0.1\nnameserver nonsense\n', { servers: ['10.0.0.1'] }],
    ['nameserver 1.1.1.1\n'.repeat(5), { servers: ['1.1.1.1', '1.1.1.1', '1.1.1.1'] }],
    ['', { servers: ['127.0.0.1'], ndots: 1, attempts: 2 }],
    [undefined, { servers: [undefined] }],
    ['domain a.\nsearch b c.d\n', { search: ['b', 'c.d'] }],
    ['search b\ndomain a\n', { search: ['a'] }],
    ['search .\n', { search: [] }],
    ['options ndots:5 attempts:3\noptions edns0 ndots:2', { ndots: 2, attempts: 3 }],
    ['options ndots:99 attempts:0', { ndots: 15, attempts: 1 }],
    ['options ndots:x attempts:99', { ndots: 1, attempts: 5 }],
  ])('%j', (text, expected) => {
    expect(parseResolvConf(text)).toMatchObject(expected)
  })

  test('is read anew: emptied, gone, and there again', async () => {
    const first = await names(() => ({ addresses: ['192.0.2.1'] }))
    const second = await names(() => ({ addresses: ['192.0.2.2'] }))
    const { resolve, files } = resolverOf(first.line)
    expect(await resolve('db.example')).toMatchObject([{ address: '192.0.2.1' }])
    writeFileSync(files.resolvConf, '')
    expect(await failure(resolve('db.example'))).toMatchObject({ reason: 'dns_error' })
    rmSync(files.resolvConf)
    expect(await failure(resolve('db.example'))).toMatchObject({ reason: 'dns_error' })
    writeFileSync(files.resolvConf, second.line)
    expect(await resolve('db.example')).toMatchObject([{ address: '192.0.2.2' }])
  })
})

describe('silence', () => {
  test('100 silent names leave another, and localhost, alone', async () => {
    const { resolve, server } = await listen(({ name }) =>
      name.startsWith('silent') ? undefined : { addresses: ['192.0.2.1'] },
    )
    const controller = new AbortController()
    const silent = Array.from({ length: 100 }, (_, i) =>
      resolve(`silent${i}.example`, controller.signal).catch(() => 'given up'),
    )
    await until(() => askedNames(server).length === 100, 'all are asked')
    for (let i = 0; i < 50; i++) {
      expect(await Promise.race([resolve('healthy.example'), ...silent])).toHaveLength(1)
      expect(await Promise.race([resolve('localhost'), ...silent])).not.toBe('given up')
    }
    controller.abort()
    expect(new Set(await Promise.all(silent))).toEqual(new Set(['given up']))
  })

  test("takes no thread of an application's pool", async () => {
    const { line } = await names(() => undefined)
    const { files } = resolverOf(line)
    expect(await runProgram(beside, files)).toBe('0 of 10 lookups over\n')
  })

  test('one lookup serves all who wait for a name, and ends when the last one gives up', async () => {
    const { resolve, server } = await listen(() => undefined)
    const [first, second] = [new AbortController(), new AbortController()]
    const ended: string[] = []
    const wait = (name: string, { signal }: AbortController) =>
      resolve('db.example', signal).catch(() => ended.push(name))
    const both = [wait('first', first), wait('second', second)]
    await until(() => server.questions.length === 2, 'it is asked, once for each family')
    first.abort()
    await new Promise(resolve => setImmediate(resolve))
    expect(ended).toEqual([])
    second.abort()
    await Promise.all(both)
    expect(ended).toEqual(['first', 'second'])
    expect(server.questions).toHaveLength(2)
  })

  test('a lookup that nobody gives up ends by itself', async () => {
    const { resolve } = await listen(() => undefined)
    expect(await failure(resolve('db.example'))).toMatchObject({ reason: 'dns_error', detail: 'dns_timeout' })
  })

  test('close ends what is under way, and leaves neither socket nor timer', async () => {
    const server = await names(() => undefined)
    const { files } = resolverOf(server.line)
    expect(await runProgram(closing, files)).toMatch(/^\["Timeout".* then \[\]\n$/)
  })
})

/** Runs a program that finds the resolver in `open()`, and gives what it prints. */
async function runProgram(program: string, files: object): Promise<string> {
  const opening = `
    const { createResolver } = await import(process.env.MODULE)
    const open = () => createResolver(JSON.parse(process.env.FILES))
  `
  const child = spawn(
    'prlimit',
    ['--nofile=256', process.execPath, '--input-type=module', '--eval', opening + program],
    {
      env: {
        UV_THREADPOOL_SIZE: '1',
        PATH: process.env.PATH ?? '',
        FILES: JSON.stringify(files),
        MODULE: join(import.meta.dirname, '../../src/schedule/resolve.ts'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  cleanUp.push(() => child.kill('SIGKILL'))
  return await text(child.stdout)
}

/** The application's own lookups, with a pool of one thread, while ours wait. */
const beside = `
const { resolve, close } = open()
let over = 0
for (let i = 0; i < 10; i++) resolve('stuck' + i).catch(() => {}).finally(() => over++)
const { lookup } = await import('node:dns/promises')
for (let i = 0; i < 5; i++) await lookup('localhost')
console.log(over, 'of 10 lookups over')
close()
`

const exhausted = `
const { openSync, closeSync } = await import('node:fs')
const { resolve } = open()
await resolve('db.example')
const held = []
const hold = () => {
  try {
    for (;;) held.push(openSync('/', 'r'))
  } catch {}
}
hold()
const code = await resolve('db.example').catch(({ code }) => code)
for (const each of held) closeSync(each)
console.log(code)
`

const closing = `
const { resolve, close } = open()
const turn = () => new Promise(resolve => setImmediate(resolve))
const active = () => process.getActiveResourcesInfo().filter(each => each !== 'PipeWrap' && each !== 'Immediate')
const answer = resolve('db.example').catch(() => 'ended')
await turn()
const before = active()
close()
await answer
for (let i = 0; i < 5; i++) await turn()
console.log(JSON.stringify(before), 'then', JSON.stringify(active()))
`
