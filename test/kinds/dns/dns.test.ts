import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { encode as encodeMessage } from 'dns-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dns } from '../../../src/kinds/dns/dns.ts'
import { optionsOf } from '../../../src/model/definition.ts'
import { check, type Options, parseOptions, startCheck } from '../../support/check.ts'
import { checkContext } from '../../support/context.ts'
import { type Answer, encode, type NameServer, type Question, serveNames } from '../../support/dns.ts'
import { type RealNameServer, startDnsmasq, startNsd } from '../../support/nameservers.ts'
import { closedPort, serve, until } from '../../support/net.ts'
import { contract } from '../contract.ts'

const zone = `
@ SOA ns1 admin.mail 7 3600 600 86400 60
@ NS ns1
@ MX 10 Mail
@ MX 20 mail2
@ TXT "v=spf1 " "-all"
@ CAA 0 issue "ca.example.net"
ns1 A 192.0.2.1
www CNAME web
web 30 A 192.0.2.10
web 20 A 192.0.2.11
web AAAA 2001:db8::10
_sip._tcp SRV 10 5 5060 sip
10 PTR web
lone CNAME nowhere
${Array.from({ length: 200 }, (_, i) => `big A 192.0.2.${i}`).join('\n')}
`

contract({
  kind: dns,
  options: port => ({ server: `127.0.0.1:${port}`, name: 'www.example.test', transport: 'tcp' }),
  // This kind sends no secret, and takes none.
  secretive: port => ({ server: `127.0.0.1:${port}`, name: 'none.example.test', transport: 'tcp' }),
  real: () => startNsd('example.test', zone),
  garbage: ['connection_error', 'protocol_error'],
})

describe('dns', () => {
  let nsd: RealNameServer
  let cache: RealNameServer
  beforeAll(async () => {
    nsd = await startNsd('example.test', zone)
    cache = await startDnsmasq(nsd.port)
  })
  afterAll(async () => {
    await cache.stop()
    await nsd.stop()
  })
  const ask = (name: string, more: Options = {}, server = nsd) =>
    check(dns, { server: `127.0.0.1:${server.port}`, name, ...more })

  test('an answer is ok, with its phase and measurements', async () => {
    const result = await ask('www.example.test')
    expect(result).toMatchObject({ ok: true, measurements: { answers: 2, min_ttl_seconds: 20 } })
    expect(Object.keys(result.phases)).toEqual(['request'])
  })

  test('a URL is a whole dependency', async () => {
    const url = `dns://127.0.0.1:${nsd.port}/example.test?type=mx`
    expect(await check(dns, { url })).toMatchObject({ ok: true, measurements: { answers: 2 } })
  })

  test.each([
    ['www.example.test', 'A', '192.0.2.11'],
    ['WWW.Example.Test.', 'A', '192.0.2.10'],
    ['web.example.test', 'AAAA', '2001:DB8:0::10'],
    ['www.example.test', 'CNAME', 'Web.example.test.'],
    ['example.test', 'MX', '10 mail.example.test.'],
    ['example.test', 'NS', 'ns1.example.test'],
    ['example.test', 'TXT', 'v=spf1 -all'],
    ['example.test', 'CAA', '0 issue ca.example.net'],
    ['example.test', 'SOA', 'ns1.example.test admin.mail.example.test 7 3600 600 86400 60'],
    ['_sip._tcp.example.test', 'SRV', '10 5 5060 sip.example.test'],
    ['10.example.test', 'PTR', 'web.example.test'],
  ])('%s %s has %s, and nothing else', async (name, type, answer) => {
    expect(await ask(name, { type, expect: { answers: [answer] } })).toMatchObject({ ok: true })
    const other = await ask(name, { type, expect: { answers: [answer, 'other'] } })
    expect(other).toMatchObject({ reason: 'unhealthy', detail: 'answer_mismatch' })
    expect(other).toHaveProperty('message', expect.stringMatching(/^missing from the answer: other; it is /))
  })

  test.each<[string, Options, string]>([
    ['none.example.test', {}, 'NXDOMAIN'],
    ['lone.example.test', {}, 'NXDOMAIN'],
    ['example.org', {}, 'REFUSED'],
    ['www.example.test', { expect: { rcode: 'NXDOMAIN' } }, 'NOERROR'],
    ['web.example.test', { type: 'TXT' }, 'no_answer'],
    ['web.example.test', { expect: { minAnswers: 3 } }, 'too_few_answers'],
    ['web.example.test', { expect: { authoritative: false } }, 'authoritative'],
  ])('%s with %j is unhealthy: %s', async (name, options, detail) => {
    expect(await ask(name, options)).toMatchObject({ ok: false, reason: 'unhealthy', detail })
  })

  test.each<[string, Options]>([
    ['none.example.test', { expect: { rcode: 'NXDOMAIN' } }],
    ['example.org', { expect: { rcode: 'REFUSED' } }],
    ['web.example.test', { type: 'TXT', expect: { minAnswers: 0 } }],
    ['web.example.test', { expect: { minAnswers: 2, authoritative: true } }],
  ])('%s with %j is ok', async (name, options) => {
    expect(await ask(name, options)).toMatchObject({ ok: true })
  })

  test('an answer out of a cache has no authority', async () => {
    await ask('web.example.test', {}, cache)
    expect(await ask('web.example.test', { expect: { authoritative: false } }, cache)).toMatchObject({
      ok: true,
    })
    expect(await ask('web.example.test', { expect: { authoritative: true } }, cache)).toMatchObject({
      reason: 'unhealthy',
      detail: 'not_authoritative',
      measurements: { answers: 2 },
    })
  })

  test('an answer that does not fit into a datagram comes over TCP', async () => {
    const result = await ask('big.example.test')
    expect(result).toMatchObject({ ok: true, measurements: { answers: 200 } })
    expect(Object.keys(result.phases)).toEqual(['request', 'connect', 'transfer'])
  })

  test('the host of the server is resolved, in the family that is asked for', async () => {
    const named = await check(dns, { server: `localhost:${nsd.port}`, name: 'web.example.test' })
    expect(named).toMatchObject({ ok: true })
    expect(Object.keys(named.phases)).toEqual(['dns', 'request'])
    const refused = { ok: false, reason: 'dns_error' }
    const unknown = { server: 'nowhere.invalid', name: 'web.example.test' }
    expect(await check(dns, unknown)).toMatchObject(refused)
    expect(await ask('web.example.test', { ipFamily: 'ipv4' })).toMatchObject({ ok: true })
    expect(await ask('web.example.test', { ipFamily: 'ipv6' })).toMatchObject({
      ...refused,
      detail: 'ENODATA',
    })
  })
})

describe('a dns server that is not well', () => {
  const servers: NameServer[] = []
  afterAll(() => Promise.all(servers.map(one => one.close())))
  const serving = async (answer: Answer) => {
    const one = await serveNames(answer)
    servers.push(one)
    return one
  }
  const options = ({ port }: { readonly port: number }, more: Options = {}) => ({
    server: `127.0.0.1:${port}`,
    name: 'db.example',
    ...more,
  })
  const good = (question: Question) => encode(question, { addresses: ['192.0.2.1'] })
  const patched = (question: Question, patch: (message: Buffer) => void) => {
    const message = good(question)
    patch(message)
    return message
  }

  test('a port on which nobody listens is connection_error, by UDP as well', async () => {
    const port = await closedPort()
    expect(await check(dns, options({ port }))).toMatchObject({
      reason: 'connection_error',
      detail: 'ECONNREFUSED',
      message: `recvmsg ECONNREFUSED 127.0.0.1:${port}`,
    })
  })

  test('an address that the system does not let us ask is connection_error', async () => {
    const broadcast = { server: '255.255.255.255', name: 'db.example' }
    expect(await check(dns, broadcast)).toMatchObject({ reason: 'connection_error', detail: 'EACCES' })
  })

  test('silence is a timeout in phase request, observed at the timeout', async () => {
    const silent = await serving(() => undefined)
    expect(await check(dns, options(silent), 300)).toMatchObject({
      reason: 'timeout',
      detail: 'timeout',
      durationMs: 300,
      message: 'no answer within 300 ms (phase request)',
    })
  })

  test('neither an answer nor an abort leaves a socket', async () => {
    const well = await serving(() => ({ addresses: ['192.0.2.1'] }))
    const silent = await serving(() => undefined)
    const onlyServers = () => sockets() === servers.length
    await check(dns, options(well))
    await until(onlyServers, 'the socket of the first check is gone')
    const running = startCheck(dns, options(silent), 60_000)
    await until(() => silent.questions.length === 1, 'the question is there')
    expect(onlyServers()).toBe(false)
    running.abort()
    await running.settled
    await until(onlyServers, 'the socket of the second check is gone')
  })

  test('the name is taken literally', async () => {
    const server = await serving(() => ({ addresses: ['192.0.2.1'] }))
    expect(await check(dns, options(server, { name: 'db' }))).toMatchObject({ ok: true })
    expect(server.questions.map(({ name, transport }) => `${name} ${transport}`)).toEqual(['db udp'])
  })

  test('every query has an id of its own, and offers 1232 bytes by EDNS', async () => {
    const server = await serving(() => ({ addresses: ['192.0.2.1'] }))
    for (let i = 0; i < 8; i++) await check(dns, options(server))
    expect(new Set(server.questions.map(({ bytes }) => bytes.readUInt16BE(0))).size).toBeGreaterThan(4)
    const [question] = server.questions
    expect(question?.bytes.subarray(28).toString('hex')).toBe('00002904d0000000000000')
  })

  test.each([
    [2, 'SERVFAIL'],
    [4, 'NOTIMP'],
    [9, 'NOTAUTH'],
    [11, 'unknown_rcode'],
  ])('response code %i is %s', async (rcode, detail) => {
    const server = await serving(() => ({ rcode }))
    expect(await check(dns, options(server))).toMatchObject({ reason: 'unhealthy', detail })
  })

  test.each(['udp', 'tcp'])(
    'a server that does not know EDNS is asked again without it over %s',
    async transport => {
      const server = await serving(question => {
        const extra = question.bytes.readUInt16BE(10)
        return extra === 0 ? { addresses: ['192.0.2.1'] } : { rcode: 1 }
      })
      const result = await check(dns, options(server, { transport }))
      expect(result).toMatchObject({ ok: true, measurements: { answers: 1 } })
      expect(server.questions.map(({ bytes }) => bytes.readUInt16BE(10))).toEqual([1, 0])
    },
  )

  test('FORMERR is not retried where it is expected', async () => {
    const server = await serving(() => ({ rcode: 1 }))
    expect(await check(dns, options(server, { expect: { rcode: 'FORMERR' } }))).toMatchObject({ ok: true })
    expect(server.questions).toHaveLength(1)
  })

  test('FORMERR without the question is an answer', async () => {
    const server = await serving(({ bytes }) =>
      Buffer.from([...bytes.subarray(0, 2), 0x80, 1, ...Array(8).fill(0)]),
    )
    expect(await check(dns, options(server))).toMatchObject({ reason: 'unhealthy', detail: 'FORMERR' })
  })

  test('the upper bits of a response code come with EDNS', async () => {
    const server = await serving(question => {
      const opt = Buffer.from([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0])
      return Buffer.concat([patched(question, message => message.writeUInt16BE(1, 10)), opt])
    })
    expect(await check(dns, options(server))).toMatchObject({ reason: 'unhealthy', detail: 'BADVERS' })
  })

  const foreign: readonly [string, Answer][] = [
    [
      'has another id',
      question => patched(question, message => message.writeUInt16BE(message.readUInt16BE(0) ^ 1, 0)),
    ],
    ['is itself a query', ({ bytes }) => bytes],
    ['is to another question', question => patched(question, message => message.write('x', 13))],
    ['is to another question', question => patched(question, message => message.writeUInt16BE(28, 24))],
    ['is to another question', question => patched(question, message => message.writeUInt16BE(0, 4))],
    ['is too short', () => Buffer.from('noise')],
  ]

  test.each(foreign)('a datagram that %s is ignored', async (_what, forge) => {
    let left = 1
    const forgers = await forging(question => (left-- > 0 ? [forge(question), good(question)] : []))
    expect(await check(dns, options(forgers))).toMatchObject({ ok: true, measurements: { answers: 1 } })
    await forgers.close()
  })

  test.each(foreign)('nothing but datagrams that %s: wrong_reply at the deadline', async (what, forge) => {
    const server = await serving(forge)
    expect(await check(dns, options(server), 400)).toMatchObject({
      reason: 'protocol_error',
      detail: 'wrong_reply',
      message: `what came as a reply ${what}`,
    })
  })

  test('over TCP such a reply ends the check', async () => {
    const server = await serving(foreign[0]?.[1] ?? good)
    expect(await check(dns, options(server, { transport: 'tcp' }))).toMatchObject({ detail: 'wrong_reply' })
  })

  test('a reply from another port or address is not heard', async () => {
    const other = createSocket('udp4')
    const forgers = await forging((question, port) => {
      other.send(good(question), port, '127.0.0.1')
      return []
    })
    expect(await check(dns, options(forgers), 300)).toMatchObject({ reason: 'timeout' })
    other.close()
    await forgers.close()
  })

  test.each<[string, (message: Buffer) => Buffer]>([
    ['a pointer to itself', message => Buffer.concat([message.subarray(0, 28), Buffer.from([0xc0, 28])])],
    ['a pointer ahead', message => Buffer.concat([message.subarray(0, 28), Buffer.from([0xff, 0xff])])],
    ['a record that is cut off', message => message.subarray(0, message.length - 3)],
    ['more records in its header', message => Buffer.from(message.fill(0xff, 6, 12))],
  ])('%s in a reply is malformed_reply', async (_what, spoil) => {
    const server = await serving(question => spoil(good(question)))
    for (const transport of ['udp', 'tcp'])
      expect(await check(dns, options(server, { transport }))).toMatchObject({
        reason: 'protocol_error',
        detail: 'malformed_reply',
      })
  })

  test('records of another name and class, and aliases in a circle, are no answer', async () => {
    const server = await serving(({ bytes }) =>
      encodeMessage({
        type: 'response',
        id: bytes.readUInt16BE(0),
        questions: [{ type: 'A', name: 'db.example' }],
        answers: [
          { type: 'CNAME', name: 'db.example', data: 'a.example', ttl: 1 },
          { type: 'CNAME', name: 'a.example', data: 'DB.example', ttl: 1 },
          { type: 'A', name: 'evil.example', data: '192.0.2.66', ttl: 1 },
          { type: 'A', name: 'db.example', data: '192.0.2.66', ttl: 1, class: 'CH' },
        ],
      }),
    )
    const result = await check(dns, options(server))
    expect(result).toMatchObject({ detail: 'no_answer', measurements: { answers: 0 } })
    expect(result.measurements).not.toHaveProperty('min_ttl_seconds')
  })

  test('a truncated answer with no TCP behind it is connection_error', async () => {
    const forgers = await forging(question => [encode(question, { truncated: true })])
    expect(await check(dns, options(forgers))).toMatchObject({
      reason: 'connection_error',
      detail: 'ECONNREFUSED',
    })
    await forgers.close()
  })

  test.each([
    ['is silent', (transport: string) => transport === 'udp'],
    ['truncates as well', () => true],
  ])('a truncated answer where TCP %s is truncated', async (_what, isTruncated) => {
    const server = await serving(({ transport }) =>
      isTruncated(transport) ? { truncated: true } : undefined,
    )
    expect(await check(dns, options(server), 500)).toMatchObject({ reason: 'unhealthy', detail: 'truncated' })
  })

  test('a reply of more than 16 KiB is body_too_large', async () => {
    const server = await serve(socket => socket.write(Buffer.from([0x40, 0x01])))
    expect(await check(dns, options(server, { transport: 'tcp' }))).toMatchObject({
      reason: 'protocol_error',
      detail: 'body_too_large',
    })
    await server.close()
  })

  test.each(['silent', 'closed'])(
    'the next address of a server is asked beside one that is %s',
    async how => {
      const server = await serving(() => ({ addresses: ['192.0.2.1'] }))
      const dead = createSocket('udp4').bind(server.port, '127.0.0.3')
      await once(dead, 'listening')
      if (how === 'closed') dead.close()
      const addresses = ['127.0.0.3', '127.0.0.1'].map(address => ({ address, family: 4 }))
      const { context, trace } = checkContext({ resolve: async () => addresses })
      const given = { server: `ns.example:${server.port}`, name: 'db.example' }
      await dns.open(parseOptions(dns, given)).check(context)
      expect(trace.read().measurements).toMatchObject({ answers: 1 })
      if (how === 'silent') dead.close()
    },
  )
})

describe('the options of dns', () => {
  test.each([
    [{}, 'required: a url, or server and name'],
    [{ server: 'ns' }, 'required: a url, or server and name'],
    [{ url: 'dns://ns/a', name: 'b' }, 'give either url or name, not both'],
    [{ url: 'dns://ns/a?type=A', type: 'A' }, 'give the type here or in the URL, not both'],
    [{ url: 'dns://ns' }, 'the URL needs a name: dns://server/name'],
    [{ url: 'dns:///a' }, 'the URL needs a host name or an IP address'],
    [{ url: 'dns://user:word@ns/a' }, 'the URL cannot have a user or a password; DNS has no login'],
    [{ url: 'dns://ns/a?type=HTTPS' }, expect.stringContaining('expected ?type= with one of A, AAAA')],
    [{ url: 'dns://ns/a?type=A;class=IN' }, expect.stringContaining('expected ?type=')],
    [{ url: 'dns://ns/a..b' }, expect.stringContaining('expected labels of 1 to 63')],
    [{ server: 'ns', name: `${'a'.repeat(64)}.b` }, expect.stringContaining('expected labels of 1 to 63')],
    [{ server: 'ns', name: 'bücher.example' }, expect.stringContaining('Punycode')],
    [{ server: 'ns', name: Array(128).fill('a').join('.') }, 'a name has at most 253 characters'],
    [{ server: 'ns:99999', name: 'a' }, 'expected host or host:port, with an IPv6 address in brackets'],
    [
      { server: 'ns', name: 'a', expect: { rcode: 'NXDOMAIN', minAnswers: 1 } },
      'NXDOMAIN comes without answers; remove one of them',
    ],
  ])('%j is refused', (options, message) => {
    expect(
      optionsOf(dns)
        .safeParse(options)
        .error?.issues.map(issue => issue.message),
    ).toContainEqual(message)
  })

  test.each([
    [{ url: 'dns://10.0.0.53/example.com' }, '10.0.0.53:53/example.com?type=A'],
    [{ url: 'dns://ns.internal:5353/example.com?TYPE=mx' }, 'ns.internal:5353/example.com?type=MX'],
    [{ url: 'dns://[::1]/example.com.', type: 'NS' }, '[::1]:53/example.com?type=NS'],
    [{ server: '::1', name: 'example.com' }, '[::1]:53/example.com?type=A'],
    [{ server: '[2001:db8::1]:5353', name: '.', type: 'NS' }, '[2001:db8::1]:5353/.?type=NS'],
    [{ server: 'ns', name: '_sip._tcp.example.com', type: 'SRV' }, 'ns:53/_sip._tcp.example.com?type=SRV'],
  ])('%j is printed as %s', (options, target) => {
    expect(dns.target(parseOptions(dns, options))).toBe(target)
  })
})

/** A server by UDP alone that sends any number of datagrams for each question. */
async function forging(
  answer: (question: Question, port: number) => readonly (ReturnType<Answer> | undefined)[],
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const socket: Socket = createSocket('udp4', (bytes, peer) => {
    const question: Question = { name: 'db.example', type: 'A', transport: 'udp', bytes }
    for (const each of answer(question, peer.port))
      if (Buffer.isBuffer(each)) socket.send(each, peer.port, peer.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const close = async () => {
    socket.close()
    await once(socket, 'close')
  }
  return { port: socket.address().port, close }
}

/** How many UDP sockets the process has open. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'UDPWrap').length
}
